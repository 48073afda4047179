"""Which URLs are taken, and the sentence for those that are not."""

from __future__ import annotations

import pytest

from volary.sources import SourceError
from volary.sources.urls import check_url


@pytest.mark.parametrize(
    "url", ["https://git.example.com/app", "http://127.0.0.1:8080/a.git", "ssh://git@git.example.com:22/team/app.git"]
)
def test_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("git@github.com:team/app.git", "write ssh://git@github.com/team/app.git"),
        ("github.com:team/app", "write ssh://github.com/team/app"),
        ("file:///etc", "allowed: http, https and ssh"),
        ("ext::sh -c x", "no URL has"),
        ("--upload-pack=x", "no URL has"),
        ("https://user:secret@git.example.com/app", "put them into the Secret"),
        ("https://token@git.example.com/app", "put them into the Secret"),
        ("ssh://-oProxyCommand=x/app", "no host"),
        ("ssh://-x@host/app", "odd user"),
        ("https:///app", "no host"),
        ("https://host/app?x=y", "query"),
        ("https://host/a\nb", "no URL has"),
    ],
)
def test_refused(url: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        check_url(url)
    assert "secret" not in str(caught.value).replace("secretRef", "")
