"""Objects of kinds that others defined, good and bad: Gateway API, Istio, Flux, Flagger; (plural.group/version, note, spec)."""

# ruff: noqa: E501 - a sample stays on its line, however long
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
Sample = tuple[str, str, Object]

HTTP_ROUTES = "httproutes.gateway.networking.k8s.io/v1"
BACKEND = {"name": "web", "port": 80}
PREFIX = {"type": "PathPrefix", "value": "/a"}


def http_rule(**members: Any) -> Object:
    return {"rules": [members]}


def route_filter(kind: str, **members: Any) -> Object:
    return http_rule(backendRefs=[BACKEND], filters=[{"type": kind, **members}])


def http_routes() -> Iterator[tuple[str, Object]]:
    yield (
        "canary weights",
        {
            "hostnames": ["a.example.com"],
            "parentRefs": [{"name": "gw"}],
            **http_rule(backendRefs=[{**BACKEND, "weight": 90}, {**BACKEND, "name": "canary", "weight": 10}]),
        },
    )
    yield "defaults", {}
    yield "no port", http_rule(backendRefs=[{"name": "web"}])
    yield "no port for another kind", http_rule(backendRefs=[{"name": "web", "kind": "Bucket", "group": "a.b"}])
    yield "heavy", http_rule(backendRefs=[{**BACKEND, "weight": 1_000_001}])
    yield "light", http_rule(backendRefs=[{**BACKEND, "weight": -1}])
    yield "half a percent", http_rule(backendRefs=[{**BACKEND, "weight": 0.5}])
    for path in ("/a", "a", "/a//b", "/a/./b", "/a/../b", "/a%2fb", "/a#b", "/a/..", "/a/.", "/a b", "/" + "a" * 1025):
        yield f"path {path[:12]}", http_rule(matches=[{"path": {"type": "PathPrefix", "value": path}}])
    yield "a path of another type", http_rule(matches=[{"path": {"type": "Glob", "value": "/a"}}])
    yield "a regular expression", http_rule(matches=[{"path": {"type": "RegularExpression", "value": "/a.*["}}])
    yield "headers twice", http_rule(matches=[{"headers": [{"name": "a", "value": "b"}, {"name": "a", "value": "c"}]}])
    yield "a method that is none", http_rule(matches=[{"method": "FETCH"}])
    yield (
        "redirect and backends",
        http_rule(backendRefs=[BACKEND], filters=[{"type": "RequestRedirect", "requestRedirect": {"statusCode": 302}}]),
    )
    yield (
        "redirect",
        http_rule(filters=[{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]),
    )
    yield (
        "redirect with a code that is none",
        http_rule(filters=[{"type": "RequestRedirect", "requestRedirect": {"statusCode": 299}}]),
    )
    yield (
        "redirect of a prefix without one",
        http_rule(
            filters=[
                {
                    "type": "RequestRedirect",
                    "requestRedirect": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}},
                }
            ],
            matches=[{"path": {"type": "Exact", "value": "/a"}}],
        ),
    )
    yield (
        "redirect of a prefix",
        http_rule(
            filters=[
                {
                    "type": "RequestRedirect",
                    "requestRedirect": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}},
                }
            ],
            matches=[{"path": PREFIX}],
        ),
    )
    yield (
        "path of a redirect without its value",
        http_rule(filters=[{"type": "RequestRedirect", "requestRedirect": {"path": {"type": "ReplaceFullPath"}}}]),
    )
    yield "rewrite", route_filter("URLRewrite", urlRewrite={"hostname": "b.example.com"})
    yield (
        "rewrite and redirect",
        http_rule(
            filters=[
                {"type": "URLRewrite", "urlRewrite": {"hostname": "b"}},
                {"type": "RequestRedirect", "requestRedirect": {}},
            ]
        ),
    )
    yield "rewrite twice", http_rule(filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "b"}}] * 2)
    yield "a filter without its part", route_filter("RequestMirror")
    yield (
        "a filter with another's part",
        route_filter(
            "RequestHeaderModifier",
            requestHeaderModifier={"set": [{"name": "a", "value": "b"}]},
            urlRewrite={"hostname": "x"},
        ),
    )
    yield "mirror", route_filter("RequestMirror", requestMirror={"backendRef": BACKEND, "percent": 10})
    yield (
        "mirror by percent and fraction",
        route_filter(
            "RequestMirror", requestMirror={"backendRef": BACKEND, "percent": 10, "fraction": {"numerator": 1}}
        ),
    )
    yield (
        "mirror more than all",
        route_filter(
            "RequestMirror", requestMirror={"backendRef": BACKEND, "fraction": {"numerator": 3, "denominator": 2}}
        ),
    )
    yield "timeouts", http_rule(backendRefs=[BACKEND], timeouts={"request": "10s", "backendRequest": "2s"})
    yield (
        "timeouts the wrong way round",
        http_rule(backendRefs=[BACKEND], timeouts={"request": "1s", "backendRequest": "2s"}),
    )
    yield "a timeout that is none", http_rule(backendRefs=[BACKEND], timeouts={"request": "soon"})
    yield "parents twice", {"parentRefs": [{"name": "gw"}, {"name": "gw"}]}
    yield (
        "parents with sections",
        {"parentRefs": [{"name": "gw", "sectionName": "a"}, {"name": "gw", "sectionName": "b"}]},
    )
    yield (
        "parents with one section",
        {"parentRefs": [{"name": "gw", "sectionName": "a"}, {"name": "gw", "sectionName": "a"}]},
    )
    yield "a host that is none", {"hostnames": ["A_b"]}
    yield "too many hosts", {"hostnames": [f"h{at}.example.com" for at in range(17)]}
    yield "unknown fields", {"extra": 1, "rules": [{"backendRefs": [{**BACKEND, "share": 3}]}]}
    yield "a rule that is no object", {"rules": ["x"]}


def gateway(*listeners: Object, **members: Any) -> Object:
    return {"gatewayClassName": "c", "listeners": list(listeners), **members}


def listener(name: str = "http", port: int = 80, protocol: str = "HTTP", **members: Any) -> Object:
    return {"name": name, "port": port, "protocol": protocol, **members}


def gateways() -> Iterator[tuple[str, Object]]:
    certificates = {"certificateRefs": [{"name": "cert"}]}
    yield "plain", gateway(listener())
    yield (
        "https",
        gateway(listener("https", 443, "HTTPS", tls={"mode": "Terminate", **certificates}, hostname="*.example.com")),
    )
    yield "no listeners", gateway()
    yield "tls for http", gateway(listener(tls=certificates))
    yield "passthrough for https", gateway(listener("https", 443, "HTTPS", tls={"mode": "Passthrough"}))
    yield "tls without a mode", gateway(listener("tls", 443, "TLS"))
    yield "no certificates", gateway(listener("https", 443, "HTTPS", tls={"mode": "Terminate"}))
    yield "host for tcp", gateway(listener("tcp", 90, "TCP", hostname="a.b"))
    yield "name twice", gateway(listener(), listener(port=81))
    yield "port twice", gateway(listener(), listener("other"))
    yield "port out of range", gateway(listener(port=70000))
    yield "addresses twice", gateway(listener(), addresses=[{"value": "1.2.3.4"}, {"value": "1.2.3.4"}])
    yield "address that is none", gateway(listener(), addresses=[{"value": "x"}])
    yield "host as an address", gateway(listener(), addresses=[{"type": "Hostname", "value": "a_b"}])
    yield "annotations", gateway(listener(), infrastructure={"annotations": {"a.b/c": "d"}})
    yield "bad annotations", gateway(listener(), infrastructure={"annotations": {"a b": "d"}})


def istio() -> Iterator[Sample]:
    virtual, rule, entry = (
        f"{it}.networking.istio.io/v1" for it in ("virtualservices", "destinationrules", "serviceentries")
    )
    to = {"destination": {"host": "web"}}
    yield (
        virtual,
        "weights",
        {
            "hosts": ["web"],
            "http": [{"route": [{**to, "weight": 90}, {"destination": {"host": "web-canary"}, "weight": 10}]}],
        },
    )
    yield (
        virtual,
        "match",
        {
            "hosts": ["web"],
            "http": [{"match": [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}}], "route": [to]}],
        },
    )
    yield (
        virtual,
        "match in two ways",
        {"hosts": ["web"], "http": [{"match": [{"uri": {"prefix": "/a", "exact": "/b"}}], "route": [to]}]},
    )
    yield (
        virtual,
        "cors",
        {
            "hosts": ["web"],
            "http": [{"corsPolicy": {"maxAge": "24h", "allowOrigins": [{"exact": "a"}]}, "route": [to]}],
        },
    )
    yield virtual, "cors for no time", {"hosts": ["web"], "http": [{"corsPolicy": {"maxAge": "0s"}, "route": [to]}]}
    yield (
        virtual,
        "cors for a time that is none",
        {"hosts": ["web"], "http": [{"corsPolicy": {"maxAge": "soon"}, "route": [to]}]},
    )
    yield virtual, "timeout", {"hosts": ["web"], "http": [{"timeout": "100us", "route": [to]}]}
    yield (
        virtual,
        "redirect in two ways",
        {"hosts": ["web"], "http": [{"redirect": {"port": 1, "derivePort": "FROM_PROTOCOL_DEFAULT"}}]},
    )
    yield virtual, "a weight that is text", {"hosts": ["web"], "http": [{"route": [{**to, "weight": "10"}]}]}
    yield (
        virtual,
        "fault",
        {
            "hosts": ["web"],
            "http": [{"fault": {"delay": {"percentage": {"value": 0.5}, "fixedDelay": "5s"}}, "route": [to]}],
        },
    )
    yield rule, "simple", {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}}
    yield rule, "of another kind", {"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "BEST"}}}
    yield (
        rule,
        "simple and by hash",
        {
            "host": "web",
            "trafficPolicy": {"loadBalancer": {"simple": "RANDOM", "consistentHash": {"useSourceIp": True}}},
        },
    )
    yield (
        rule,
        "outliers",
        {
            "host": "web",
            "trafficPolicy": {
                "outlierDetection": {"consecutive5xxErrors": 5, "interval": "10s", "baseEjectionTime": "1us"}
            },
        },
    )
    yield rule, "subsets", {"host": "web", "subsets": [{"name": "a", "labels": {"v": "1"}}, {"labels": {"v": "2"}}]}
    yield (
        entry,
        "external",
        {"hosts": ["a.example.com"], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}], "resolution": "DNS"},
    )
    yield entry, "everything", {"hosts": ["*"], "ports": [{"number": 443, "name": "tls"}]}
    yield entry, "port twice", {"hosts": ["a"], "ports": [{"number": 443, "name": "a"}, {"number": 443, "name": "b"}]}
    yield entry, "networks by name", {"hosts": ["a"], "addresses": ["10.0.0.0/8"], "resolution": "DNS"}
    yield entry, "endpoints for none", {"hosts": ["a"], "endpoints": [{"address": "1.2.3.4"}]}
    yield (
        entry,
        "a socket",
        {"hosts": ["a"], "resolution": "STATIC", "endpoints": [{"address": "unix:///a/b"}, {"address": "unix://a"}]},
    )
    yield (
        entry,
        "ports of endpoints",
        {"hosts": ["a"], "resolution": "STATIC", "endpoints": [{"address": "1.2.3.4", "ports": {"a_b": 80}}]},
    )
    yield (
        entry,
        "endpoints and a selector",
        {
            "hosts": ["a"],
            "resolution": "STATIC",
            "endpoints": [{"address": "1.2.3.4"}],
            "workloadSelector": {"labels": {"a": "b"}},
        },
    )
    gate = "gateways.networking.istio.io/v1"
    yield (
        gate,
        "plain",
        {
            "selector": {"a": "b"},
            "servers": [{"hosts": ["*"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}],
        },
    )
    yield (
        gate,
        "credentials twice",
        {
            "servers": [
                {
                    "hosts": ["*"],
                    "port": {"name": "https", "number": 443, "protocol": "HTTPS"},
                    "tls": {"mode": "SIMPLE", "credentialName": "a", "credentialNames": ["b"]},
                }
            ]
        },
    )
    policy = "authorizationpolicies.security.istio.io/v1"
    yield (
        policy,
        "allow",
        {
            "selector": {"matchLabels": {"app": "a"}},
            "action": "ALLOW",
            "rules": [{"from": [{"source": {"principals": ["a"]}}]}],
        },
    )
    yield (
        policy,
        "selector and target",
        {"selector": {"matchLabels": {"app": "a"}}, "targetRef": {"kind": "Service", "name": "a"}},
    )
    yield (
        policy,
        "accounts and principals",
        {"rules": [{"from": [{"source": {"serviceAccounts": ["a/b"], "principals": ["c"]}}]}]},
    )
    yield policy, "wildcard key", {"selector": {"matchLabels": {"a*": "b"}}}
    yield policy, "wildcard value", {"selector": {"matchLabels": {"a": "b*"}}}
    yield policy, "other namespace", {"targetRefs": [{"kind": "Service", "name": "a", "namespace": "b"}]}
    peer = "peerauthentications.security.istio.io/v1"
    yield peer, "strict", {"mtls": {"mode": "STRICT"}}
    yield peer, "ports without a selector", {"portLevelMtls": {"80": {"mode": "DISABLE"}}}
    yield (
        peer,
        "a port that is none",
        {"selector": {"matchLabels": {"a": "b"}}, "portLevelMtls": {"http": {"mode": "DISABLE"}}},
    )
    yield (
        peer,
        "a port out of range",
        {"selector": {"matchLabels": {"a": "b"}}, "portLevelMtls": {"70000": {"mode": "DISABLE"}}},
    )
    tokens = "requestauthentications.security.istio.io/v1"
    yield tokens, "keys", {"jwtRules": [{"issuer": "a", "jwksUri": "https://a/b", "timeout": "5s"}]}
    yield tokens, "keys twice", {"jwtRules": [{"issuer": "a", "jwksUri": "https://a/b", "jwks": "{}"}]}
    yield tokens, "keys by ftp", {"jwtRules": [{"issuer": "a", "jwksUri": "ftp://a/b"}]}
    yield tokens, "keys from nowhere", {"jwtRules": [{"issuer": "a", "jwksUri": "a b"}]}
    plugin = "wasmplugins.extensions.istio.io/v1alpha1"
    yield plugin, "by oci", {"url": "oci://a/b"}
    yield plugin, "without a scheme", {"url": "registry.example.com/a:1"}
    yield plugin, "by ftp", {"url": "ftp://a/b"}
    yield (
        plugin,
        "host variable with a value",
        {"url": "oci://a", "vmConfig": {"env": [{"name": "A", "valueFrom": "HOST", "value": "x"}]}},
    )
    yield "sidecars.networking.istio.io/v1", "a wildcard", {"workloadSelector": {"labels": {"a": "*"}}}
    yield (
        "workloadgroups.networking.istio.io/v1",
        "a probe",
        {"template": {"address": "1.2.3.4"}, "probe": {"httpGet": {"port": 80, "scheme": "FTP"}}},
    )
    yield (
        "telemetries.telemetry.istio.io/v1",
        "removed with a value",
        {"metrics": [{"overrides": [{"tagOverrides": {"a": {"operation": "REMOVE", "value": "b"}}}]}]},
    )
    yield (
        "envoyfilters.networking.istio.io/v1alpha3",
        "waypoint elsewhere",
        {
            "configPatches": [
                {
                    "applyTo": "CLUSTER",
                    "match": {"context": "GATEWAY", "waypoint": {}},
                    "patch": {"operation": "MERGE", "value": {"any": 1}},
                }
            ]
        },
    )


def flux() -> Iterator[Sample]:
    sync, git, oci, bucket, chart, helm = (
        f"{it}/v1"
        for it in (
            "kustomizations.kustomize.toolkit.fluxcd.io",
            *(
                f"{kind}.source.toolkit.fluxcd.io"
                for kind in ("gitrepositories", "ocirepositories", "buckets", "helmcharts", "helmrepositories")
            ),
        )
    )
    base = {"interval": "5m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "a"}}
    yield sync, "plain", base
    yield sync, "no interval", {key: it for key, it in base.items() if key != "interval"}
    yield sync, "an interval that is none", {**base, "interval": "5 minutes"}
    yield sync, "another source", {**base, "sourceRef": {"kind": "Folder", "name": "a"}}
    yield sync, "no way into the cluster", {**base, "kubeConfig": {}}
    yield (
        sync,
        "two ways into the cluster",
        {**base, "kubeConfig": {"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}}},
    )
    yield (
        sync,
        "patches",
        {
            **base,
            "patches": [{"patch": "x", "target": {"kind": "Deployment"}}],
            "images": [{"name": "a", "newTag": "1"}],
            "postBuild": {"substitute": {"a": "b"}},
        },
    )
    yield (
        sync,
        "substitutes of a bad name",
        {**base, "postBuild": {"substituteFrom": [{"kind": "Volume", "name": "a"}]}},
    )
    yield git, "plain", {"interval": "1m", "url": "https://example.com/a.git", "ref": {"branch": "main"}}
    yield git, "over ftp", {"interval": "1m", "url": "ftp://example.com/a.git"}
    yield (
        git,
        "an account without a provider",
        {"interval": "1m", "url": "https://example.com/a.git", "serviceAccountName": "a"},
    )
    yield oci, "plain", {"interval": "1m", "url": "oci://example.com/a", "ref": {"semver": ">= 1"}}
    yield oci, "over https", {"interval": "1m", "url": "https://example.com/a"}
    yield bucket, "plain", {"interval": "1m", "bucketName": "a", "endpoint": "b"}
    yield (
        bucket,
        "sts of another",
        {
            "interval": "1m",
            "bucketName": "a",
            "endpoint": "b",
            "provider": "gcp",
            "sts": {"provider": "aws", "endpoint": "https://a"},
        },
    )
    yield (
        bucket,
        "account and secret",
        {
            "interval": "1m",
            "bucketName": "a",
            "endpoint": "b",
            "provider": "aws",
            "secretRef": {"name": "a"},
            "serviceAccountName": "b",
        },
    )
    yield (
        chart,
        "verified git",
        {
            "interval": "1m",
            "chart": "a",
            "sourceRef": {"kind": "GitRepository", "name": "a"},
            "verify": {"provider": "cosign"},
        },
    )
    yield helm, "plain", {"interval": "1m", "url": "https://example.com/charts"}


def flagger() -> Iterator[Sample]:
    canary = "canaries.flagger.app/v1beta1"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    base: Object = {
        "targetRef": target,
        "service": {"port": 80},
        "analysis": {"interval": "1m", "threshold": 5, "maxWeight": 50, "stepWeight": 10},
    }
    yield canary, "plain", base
    yield canary, "no target", {"service": {"port": 80}}
    yield canary, "another target", {**base, "targetRef": {**target, "kind": "Job"}}
    yield canary, "a port as text", {**base, "service": {"port": "http"}}
    yield canary, "a target port in two ways", {**base, "service": {"port": 80, "targetPort": "http"}}
    yield (
        canary,
        "metrics",
        {
            **base,
            "analysis": {
                **base["analysis"],
                "metrics": [{"name": "m", "interval": "1m", "thresholdRange": {"min": 99.5}}],
                "webhooks": [{"name": "w", "url": "http://a/", "metadata": {"cmd": "x"}}],
            },
        },
    )
    yield (
        canary,
        "a hook of another type",
        {**base, "analysis": {**base["analysis"], "webhooks": [{"name": "w", "url": "http://a/", "type": "later"}]}},
    )
    yield (
        canary,
        "a mirror without a port",
        {**base, "service": {"port": 80, "mirror": [{"backendRef": {"name": "a", "group": "", "kind": "Service"}}]}},
    )
    yield (
        canary,
        "retries",
        {
            **base,
            "service": {
                "port": 80,
                "retries": {"attempts": 3, "perTryTimeout": "1s"},
                "timeout": "1m",
                "match": [{"uri": {"prefix": "/"}}],
                "corsPolicy": {"allowOrigin": ["*"]},
            },
        },
    )
    yield canary, "unknown fields", {**base, "nobody": True, "analysis": {**base["analysis"], "knows": 1}}
    yield (
        "metrictemplates.flagger.app/v1beta1",
        "plain",
        {"provider": {"type": "prometheus", "address": "http://a"}, "query": "x"},
    )
    yield "metrictemplates.flagger.app/v1beta1", "another provider", {"provider": {"type": "guess"}, "query": "x"}
    yield "alertproviders.flagger.app/v1beta1", "plain", {"type": "slack", "address": "https://a"}
    yield "alertproviders.flagger.app/v1beta1", "nothing", {}


def samples() -> list[Sample]:
    """Return all samples."""
    found: list[Sample] = [(HTTP_ROUTES, note, spec) for note, spec in http_routes()]
    found += [("gateways.gateway.networking.k8s.io/v1", note, spec) for note, spec in gateways()]
    method = {"type": "Exact", "service": "a.B", "method": "C"}
    for note, matched in (
        ("plain", method),
        ("a method that is none", {"method": "a-b"}),
        ("nothing", {"type": "Exact"}),
        ("a service", {"service": "a..b"}),
    ):
        found.append(("grpcroutes.gateway.networking.k8s.io/v1", note, {"rules": [{"matches": [{"method": matched}]}]}))
    grant = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "a"}],
        "to": [{"group": "", "kind": "Service"}],
    }
    found.append(("referencegrants.gateway.networking.k8s.io/v1beta1", "plain", grant))
    found.append(("referencegrants.gateway.networking.k8s.io/v1beta1", "to nothing", {**grant, "to": []}))
    return [*found, *istio(), *flux(), *flagger()]
