"""What Envoy is told at its start: where its files are, where its admin socket is, one listener. Pure.

All the rest comes from files that are replaced as a whole, so a restarted Envoy serves at once, whoever is down.

Source: Envoy Bootstrap v3; PathConfigSource.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from volary.embedded.mesh.actions import FAULT, FAULT_TYPE, TYPE

NewObject = dict[str, Any]
LISTENER = "edge"
MANAGER = f"{TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = f"{TYPE}envoy.extensions.filters.http.router.v3.Router"
OWNER_ONLY = 0o600
CONNECTIONS = f"{TYPE}envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
MOST_CONNECTIONS = 8192  # Envoy warns at each start where no limit is set


def from_file(path: Path) -> NewObject:
    """Return where Envoy reads a resource: one file, seen again whenever another is renamed over it."""
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def bootstrap(folder: Path, admin_socket: Path) -> NewObject:
    """Return the bootstrap configuration. Histograms are published each quarter of a second (Envoy's default: 5 s)."""
    limit = {"@type": CONNECTIONS, "max_active_downstream_connections": MOST_CONNECTIONS}
    return {
        "node": {"id": LISTENER, "cluster": LISTENER},
        "admin": {"address": {"pipe": {"path": str(admin_socket), "mode": OWNER_ONLY}}},
        "stats_flush_interval": "0.25s",
        "dynamic_resources": {
            "lds_config": from_file(folder / "lds.json"),
            "cds_config": from_file(folder / "cds.json"),
        },
        "overload_manager": {
            "resource_monitors": [
                {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": limit}
            ]
        },
    }


def listener(folder: Path, host: str, port: int) -> NewObject:
    """Return the gateway's listener, whose routes are in a file of their own."""
    manager = {
        "@type": MANAGER,
        "stat_prefix": LISTENER,
        "codec_type": "AUTO",
        "rds": {"route_config_name": LISTENER, "config_source": from_file(folder / "rds.json")},
        "http_filters": [
            {"name": FAULT, "typed_config": {"@type": FAULT_TYPE}},
            {"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}},
        ],
        "generate_request_id": False,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "drain_timeout": "1s",
    }
    return {
        "@type": f"{TYPE}envoy.config.listener.v3.Listener",
        "name": LISTENER,
        "address": {"socket_address": {"address": host, "port_value": port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }


def with_endpoint_file(cluster: Mapping[str, Any], path: Path) -> NewObject:
    """Return the cluster with the file of its endpoints: one each, a file with two assignments is refused."""
    source = {**cluster["eds_cluster_config"], "eds_config": from_file(path)}
    return {**cluster, "eds_cluster_config": source}


def discovery(version: int, resources: Iterable[Mapping[str, Any]]) -> NewObject:
    """Return the content of one file. The version comes back in Envoy's statistics once it is in force."""
    return {"version_info": str(version), "resources": list(resources)}
