"""What every command has in common: help, bad words, a cluster that is not there; each said in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.unit.cli.asking import Volary
from tests.unit.cli.embedded import Servers
from volary import __version__
from volary.cli import COMMANDS
from volary.cli import volary as root

HEAVY = ("aiohttp", "rich", "cryptography", "uvloop", "yaml", "msgspec")


def every_command() -> list[tuple[str, ...]]:
    """Return the words of every command, those of groups too."""
    context = click.Context(root)
    found: list[tuple[str, ...]] = [()]
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.list_commands(context)]
    return found


@pytest.mark.parametrize("words", every_command(), ids=lambda words: " ".join(words) or "volary")
def test_every_command_explains_itself_with_an_example_that_names_it(words: tuple[str, ...], alone: Volary) -> None:
    text = alone.good(*words, "--help")
    assert "Example" in text
    examples = text[text.index("Example") :]
    assert " ".join(("volary", *words)) in examples
    assert alone.good(*words, "-h") == text


def test_every_command_in_the_list_is_one() -> None:
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        assert command.name == name


def test_the_version_is_the_packages(alone: Volary) -> None:
    assert alone.good("--version") == f"volary {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nonsense",), "no such command 'nonsense'; see: volary --help"),
        (("--nonsense",), "no such option '--nonsense'; see: volary --help"),
        (("get", "--wrong"), "no such option '--wrong'; see: volary get --help"),
        (("get", "pods"), "is not one of 'clusters', 'rollouts', 'runs', 'canaries'; see: volary get --help"),
        (("get",), "missing argument"),
        (("why",), "missing argument 'NAME'; see: volary why --help"),
        (("kube", "sideways"), "no such command 'sideways'; see: volary kube --help"),
        (("resume", "podinfo", "--take-pin", "a", "--as-is", "b"), "two decisions"),
        (("resume", "podinfo", "--cluster", "a"), "--cluster goes with"),
        (("resume", "podinfo", "--as-is", "a", "--cluster", "b"), "names a and --cluster names b"),
        (("demo", "--act", "6"), "6 is not in the range 1<=x<=5"),
    ],
)
def test_bad_words_are_one_sentence_and_status_2(words: tuple[str, ...], says: str, alone: Volary) -> None:
    assert says in alone(*words).one_sentence(status=2)


@pytest.mark.parametrize(
    "words", [("get", "rollouts"), ("why", "podinfo"), ("pause", "podinfo"), ("run",), ("install",), ("uninstall",)]
)
def test_no_kubeconfig_is_said_with_where_it_was_looked_for(words: tuple[str, ...], alone: Volary) -> None:
    sentence = alone(*words).one_sentence()
    assert "there is no kubeconfig (looked for" in sentence
    assert "name one with --kubeconfig or KUBECONFIG" in sentence


@pytest.mark.parametrize("words", [("get", "rollouts"), ("why", "podinfo"), ("run",), ("install",)])
def test_a_wrong_context_lists_those_that_there_are(words: tuple[str, ...], volary: Volary) -> None:
    sentence = volary(*words, "--context", "moon").one_sentence()
    assert 'there is no context "moon"; there are: bare, east, hub, west' in sentence


@pytest.mark.parametrize("words", [("get", "rollouts"), ("why", "podinfo"), ("retry", "podinfo"), ("install",)])
def test_a_server_that_is_not_there_is_named(words: tuple[str, ...], volary: Volary, dark: Path) -> None:
    sentence = volary(*words, "--kubeconfig", str(dark)).one_sentence()
    assert "the cluster of context dark (https://127.0.0.1:1) does not answer" in sentence
    assert "connection refused" in sentence


def test_a_wrong_token_is_named_without_being_shown(volary: Volary, servers: Servers, tmp_path: Path) -> None:
    text = servers.kubeconfig.read_text()
    token = text.split("token: ")[1].split()[0]
    (tmp_path / "config").write_text(text.replace(token, "guessed-by-somebody"))
    sentence = volary("get", "rollouts", "--kubeconfig", str(tmp_path / "config"), "--context", "hub").one_sentence()
    assert "does not accept these credentials" in sentence
    assert "guessed" not in sentence


@pytest.mark.parametrize("words", [("get", "rollouts"), ("why", "podinfo"), ("get", "canaries"), ("abort", "podinfo")])
def test_a_cluster_without_our_kinds_says_how_to_prepare_it(words: tuple[str, ...], volary: Volary) -> None:
    sentence = volary(*words, "--context", "bare").one_sentence()
    assert "volary install | kubectl apply -f -" in sentence
    assert "--context" in sentence


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    """A kubeconfig that leads nowhere."""
    path = tmp_path / "dark"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: dark, clusters: [{name: d, cluster: {server: "
        "'https://127.0.0.1:1'}}], users: [], contexts: [{name: dark, context: {cluster: d}}]}"
    )
    return path


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["get", "nonsense"]])
def test_what_needs_no_cluster_loads_nothing_heavy(words: list[str]) -> None:
    heavy = HEAVY if words[0].startswith("-") else HEAVY[:4]
    script = (
        "import sys; from volary.cli import main; main(sys.argv[1:]);"
        f"print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=30)
    assert ended.stderr.splitlines()[-1] == "[]"


def test_a_reader_that_leaves_early_is_no_error(servers: Servers) -> None:
    """`volary get … | head -0`: status 141, and not a word."""
    command = [sys.executable, "-m", "volary", "get", "runs", "-o", "json", "--kubeconfig", str(servers.kubeconfig)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(timeout=30) == 141
    assert said == ""
