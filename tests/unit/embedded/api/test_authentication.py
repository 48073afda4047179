"""Who a request is from: certificates, tokens, nobody; and that no token is told to anybody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volary.embedded.api.auth.authentication import Authentication, StaticTokens, users_in
from volary.embedded.api.auth.identity import ANONYMOUS, ClientCertificate, User, account_of, master

ANNA = User("anna", ("staff",), "7")
KNOWN = Authentication([StaticTokens({"correct-horse": ANNA, "other": master("root")})])
CERTIFICATE = ClientCertificate("ben", ("builders", "staff"), "ab12")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_token_of_the_table_names_its_user() -> None:
    assert KNOWN.user(bearer("correct-horse")) == User("anna", ("staff", "system:authenticated"), "7")
    assert KNOWN.user({"authorization": "bEaReR   other  "}) == master("root")


@pytest.mark.parametrize("token", ["wrong", "correct-hors", "correct-horsee", "CORRECT-HORSE", "ü", "\udcff"])
def test_any_other_token_is_refused(token: str) -> None:
    assert KNOWN.user(bearer(token)) is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "correct-horse"])
def test_without_a_bearer_token_a_request_is_anonymous(header: str) -> None:
    assert KNOWN.user({"authorization": header}) == ANONYMOUS
    assert KNOWN.user({}) == ANONYMOUS
    assert Authentication([], anonymous=False).user({"authorization": header}) is None


def test_a_certificate_names_its_holder_and_wins_over_a_token() -> None:
    ben = KNOWN.user(bearer("wrong"), CERTIFICATE)
    assert ben is not None
    assert (ben.name, ben.groups) == ("ben", ("builders", "staff", "system:authenticated"))
    assert ben.extra == (("authentication.kubernetes.io/credential-id", ("X509SHA256=ab12",)),)


def test_a_certificate_without_a_name_says_nothing() -> None:
    assert KNOWN.user({}, ClientCertificate("", ("system:masters",))) == ANONYMOUS


def test_nothing_that_knows_tokens_shows_one() -> None:
    tokens = StaticTokens({"correct-horse": ANNA})
    assert "correct-horse" not in repr(vars(tokens))
    assert "correct-horse" not in repr(KNOWN.read("correct-horse"))


@settings(deadline=None)
@given(st.text())
def test_no_header_is_too_strange(text: str) -> None:
    KNOWN.user({"authorization": text})
    assert KNOWN.user(bearer(text.strip() + "x")) in (None, ANONYMOUS)


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("system:serviceaccount:a:b", ("a", "b")),
        ("system:serviceaccount:a:b.c", ("a", "b.c")),
        ("system:serviceaccount:a", None),
        ("system:serviceaccount:a:b:c", None),
        ("system:serviceaccount::b", None),
        ("system:serviceaccount:A:b", None),
        ("serviceaccount:a:b", None),
    ],
)
def test_an_account_is_told_from_other_users(name: str, account: tuple[str, str] | None) -> None:
    assert account_of(name) == account


def test_users_come_from_lines_as_kube_apiserver_reads_them() -> None:
    text = 'one,anna,7,"staff,builders"\n\ntwo,ben,8\nthree,carl,,\n'
    assert users_in(text) == {
        "one": User("anna", ("staff", "builders"), "7"),
        "two": User("ben", (), "8"),
        "three": User("carl"),
    }


@pytest.mark.parametrize("text", ["secret-1,anna", "secret-1,,7", ",anna,7", "secret-1,a,1\nsecret-1,b,2", "secret-1"])
def test_a_line_that_is_none_is_named_without_its_token(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d") as why:
        users_in(text)
    assert "secret-1" not in str(why.value)
