"""Expressions in CEL: the functions that Kubernetes adds, and errors in the real server's words."""

from __future__ import annotations

import pytest

from volary.embedded.api.cel import expression as cel
from volary.embedded.api.cel.names import escape
from volary.embedded.api.cel.source import adapted, names

pytestmark = pytest.mark.skipif(not cel.available(), reason="cel-expr-python is not installed here")
ANYTHING = ("dyn",)
SEEN = {"a": [1, 2], "s": "ab", "m": {"k": "v"}, "n": 5}

TRUE = [
    "self.a.indexOf(2) == 1 && self.a.indexOf(9) == -1 && self.s.indexOf('b') == 1 && [1, 2, 1].lastIndexOf(1) == 2",
    "self.a.isSorted() && self.a.sum() == 3 && self.a.max() == 2 && ['b', 'a'].min() == 'a'",
    "self.s.find('b+') == 'b' && 'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
    "format.dns1123Label().validate('A').hasValue() && !format.dns1123Label().validate(self.s).hasValue()",
    "format.uuid().validate('x').value() == ['does not match the UUID format']",
    "quantity('1') == quantity('1000m') && quantity('2').isGreaterThan(quantity('1500m'))",
    "quantity('1Ki').add(quantity('1')).asInteger() == 1025 && quantity('3').sub(1).compareTo(quantity('2')) == 0",
    "!isQuantity('x') && quantity('1500m').asApproximateFloat() == 1.5 && !quantity('1500m').isInteger()",
    "ip('::1').isLoopback() && ip('10.0.0.1').family() == 4 && isIP('1.2.3.4') && !isIP('1.2.3.400')",
    "cidr('10.0.0.0/8').containsIP('10.1.1.1') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8",
    "string(ip('10.0.0.1')) == '10.0.0.1' && string(cidr('10.0.0.1/8').ip()) == '10.0.0.1'",
    "url('https://a.b:80/x?y=1').getPort() == '80' && url('https://a.b/x').getHost() == 'a.b' && !isURL('a b')",
    "url('/x?y=1&y=2').getQuery()['y'] == ['1', '2'] && url('https://[::1]:80/').getHostname() == '::1'",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('v1.2', true).minor() == 2 && !isSemver('1.2')",
    "semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && semver('1.0.0+a') == semver('1.0.0+b')",
    "string(1) == '1' && string(1.5) == '1.5' && string(true) == 'true' && string(duration('90s')) == '90s'",
    "self.s.substring(1) == 'b' && self.s.substring(0, 2) == 'ab' && 'abc'.substring(2, 3) == 'c'",
    "type(self.s) == string && type(self.n) == int",
    "self.?x.orValue('none') == 'none' && self.?n.optMap(n, n + 1).value() == 6",
    "sets.contains([1, 2], [1]) && self.a.all(i, v, v == i + 1) && self.m.exists(k, v, v == 'v')",
    "[2, 1].sort() == [1, 2] && self.s.upperAscii() == 'AB' && 'a,b'.split(',').join('-') == 'a-b'",
    "duration('1h') > duration('59m') && timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026",
]


@pytest.mark.parametrize("text", TRUE)
def test_functions_of_kubernetes(text: str) -> None:
    assert cel.compiled(text, ANYTHING).run(SEEN, None, False) is True


WRONG = [
    ("self.zz == 1", "no such key: zz"),
    ("self.a[7] == 1", "index out of bounds: 7"),
    ("self.n / 0 == 1", "division by zero"),
    ("self.s > 3", "no such overload"),
    ("self.s.substring(3) == ''", "index out of range: 3"),
    ("int(self.s) == 1", "type conversion error from 'string' to 'int'"),
    ("[].max() == 1", "max called on empty list"),
    ("semver('1') == semver('2')", "No Major.Minor.Patch elements found"),
    ("ip('::ffff:1.2.3.4') == ip('::1')", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'),
]


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_what_has_no_value_fails_in_the_words_of_the_real_server(text: str, why: str) -> None:
    with pytest.raises(cel.Failure) as failure:
        cel.compiled(text, ANYTHING).run(SEEN, None, False)
    assert str(failure.value) == why


def test_what_is_no_expression_is_refused_with_its_place() -> None:
    with pytest.raises(cel.NotCompiled) as refusal:
        cel.compiled("string(self.a) == nobody", ANYTHING)
    lines = str(refusal.value).splitlines()
    assert lines[0] == "ERROR: <input>:1:19: undeclared reference to 'nobody' (in container '')"
    assert lines[1:] == [" | string(self.a) == nobody", " | ..................^"]


def test_an_old_value_may_be_optional() -> None:
    program = cel.compiled("oldSelf.optMap(o, o.n == self.n).orValue(true)", ANYTHING, optional_old=True)
    assert program.run(SEEN, None, False) is True
    assert program.run(SEEN, {"n": 4}, True) is False


@pytest.mark.parametrize(
    ("name", "written"),
    [("a", "a"), ("a-b.c/d", "a__dash__b__dot__c__slash__d"), ("a__b", "a__underscores__b"), ("in", "__in__"),
     ("namespace", "__namespace__"), ("1a", None), ("a b", None)],
)  # fmt: skip
def test_names_of_fields_are_escaped(name: str, written: str | None) -> None:
    assert escape(name) == written


def test_only_functions_get_another_name_for_the_library() -> None:
    text = "type(self) == string && string(self) == 'string(1)' // string(2)"
    assert adapted(text) == "type(self) == string && strinG(self) == 'string(1)' // string(2)"
    assert names("self.oldSelf == 'oldSelf' // oldSelf") == {"self"}
    assert "oldSelf" in names("has(self.a) ? self.a == oldSelf.a : true")


def test_a_format_within_a_format() -> None:
    text = "format.uri().validate(format.byte().validate(self).hasValue() ? 'a' : 'b')"
    inner = 'optional.ofNonZeroValue(format.check("byte", self)).hasValue()'
    assert adapted(text) == f"optional.ofNonZeroValue(format.check(\"uri\", {inner} ? 'a' : 'b'))"
