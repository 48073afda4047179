"""The kinds that the program itself reads or writes. Any other is looked up by discovery (`Client.resource_for`)."""

from __future__ import annotations

from volary.kube.objects import Resource

NAMESPACES = Resource("v1", "Namespace", "namespaces", namespaced=False)
NODES = Resource("v1", "Node", "nodes", namespaced=False)
PODS = Resource("v1", "Pod", "pods")
SERVICES = Resource("v1", "Service", "services")
CONFIG_MAPS = Resource("v1", "ConfigMap", "configmaps")
SECRETS = Resource("v1", "Secret", "secrets")
EVENTS = Resource("v1", "Event", "events")
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
REPLICA_SETS = Resource("apps/v1", "ReplicaSet", "replicasets")
AUTOSCALERS = Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
DEFINITIONS = Resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", False)

CANARIES = Resource("flagger.app/v1beta1", "Canary", "canaries")
METRIC_TEMPLATES = Resource("flagger.app/v1beta1", "MetricTemplate", "metrictemplates")
VIRTUAL_SERVICES = Resource("networking.istio.io/v1beta1", "VirtualService", "virtualservices")
DESTINATION_RULES = Resource("networking.istio.io/v1beta1", "DestinationRule", "destinationrules")

GIT_REPOSITORIES = Resource("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories")
KUSTOMIZATIONS = Resource("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations")

CLUSTERS = Resource("volary.dev/v1alpha1", "Cluster", "clusters", namespaced=False)
FLEET_ROLLOUTS = Resource("volary.dev/v1alpha1", "FleetRollout", "fleetrollouts")
FLEET_ROLLOUT_RUNS = Resource("volary.dev/v1alpha1", "FleetRolloutRun", "fleetrolloutruns")
