"""HTTPS_PROXY and NO_PROXY, as Go's programs read them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from volary.kube.kubeconfig import BadKubeconfig, load
from volary.kube.proxies import proxy_for

WAY = "http://proxy.example:3128"
URL = "https://api.west.example:6443"


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        (URL, {}, ""),
        (URL, {"HTTPS_PROXY": WAY}, WAY),
        (URL, {"https_proxy": WAY}, WAY),
        (URL, {"HTTPS_PROXY": "proxy.example:3128"}, WAY),
        (URL, {"HTTP_PROXY": WAY}, ""),
        ("http://api.west.example", {"HTTP_PROXY": WAY}, WAY),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": WAY}, ""),
        ("https://[::1]:6443", {"HTTPS_PROXY": WAY}, ""),
        ("https://localhost:6443", {"HTTPS_PROXY": WAY}, ""),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": WAY, "NO_PROXY": "10.0.0.0/8"}, ""),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": WAY, "NO_PROXY": "10.1.2.4, 10.1.2.3"}, ""),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": WAY, "no_proxy": "[fd00::1]:6443"}, ""),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": WAY, "no_proxy": "fd00::/8"}, ""),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": "*"}, ""),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": "WEST.example"}, ""),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": ".west.example"}, ""),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": "*.example"}, ""),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": "api.west.example:6443"}, ""),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": "api.west.example:443"}, WAY),
        (URL, {"HTTPS_PROXY": WAY, "NO_PROXY": ".api.west.example,st.example,,10.0.0.0/99"}, WAY),
    ],
)
def test_the_way_is_the_one_that_kubectl_would_take(url: str, environ: dict[str, str], proxy: str) -> None:
    assert proxy_for(url, environ) == proxy


@pytest.mark.parametrize(
    "value", ["socks5://s3cret:s3cret@p:1", "http://", "http://u:s3cret@p:99999", "http://s3 cret"]
)
def test_a_proxy_that_we_cannot_speak_to_is_refused_without_its_password(value: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY must be http://HOST:PORT") as caught:
        proxy_for(URL, {"HTTPS_PROXY": value})
    assert "s3" not in str(caught.value)


def test_a_kubeconfig_s_own_proxy_counts_before_the_environment_s(tmp_path: Path) -> None:
    def way(environ: dict[str, str], **cluster: str) -> str:
        document = {
            "current-context": "w",
            "contexts": [{"name": "w", "context": {"cluster": "w"}}],
            "clusters": [{"name": "w", "cluster": {"server": URL, **cluster}}],
        }
        file = tmp_path / "config"
        file.write_bytes(msgspec.json.encode(document))
        return load(lambda: datetime(2026, 11, 24, tzinfo=UTC), str(file), environ=environ).proxy

    assert way({"HTTPS_PROXY": WAY}) == WAY
    assert way({"HTTPS_PROXY": WAY}, **{"proxy-url": "https://own:1"}) == "https://own:1"
    with pytest.raises(BadKubeconfig, match='cluster "w": HTTPS_PROXY must be'):
        way({"HTTPS_PROXY": "socks5://p:1"})
