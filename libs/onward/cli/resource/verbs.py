"""create, get, list, update and delete, for every kind of resource alike."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from onward.cli import clean, ids, show
from onward.cli.exits import EXPLAINED
from onward.cli.lazy import LazyGroup
from onward.cli.options import Command, output
from onward.cli.resource import members
from onward.cli.resource.noun import Noun
from onward.cli.session import session

VERBS = ("create", "get", "list", "update", "delete")
TOLD = ("name", "created_at", "created_by", "updated_at", "updated_by", "version", "etag")
"""What `get` prints and nobody sets: a file that it wrote can be given back."""
_FILE = click.option(
    "--file", "file", metavar="FILE", help="Its members as JSON or YAML; - reads standard input."
)
_SET = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="MEMBER=VALUE",
    help="A member; the value is JSON, or text. MEMBER.NAME=VALUE goes into an object.",
)
_IF_MATCH = click.option(
    "--if-match", metavar="ETAG", help="Only if it is as it was then: the etag that `get -o json` shows."
)


class ResourceGroup(LazyGroup):
    """The verbs of one kind, beside those that only it has (`lazy`), which may take the place of a general one."""

    def __init__(self, *args: Any, noun: Noun, **kwargs: Any) -> None:
        own: Mapping[str, tuple[str, str]] = kwargs.pop("lazy", {})
        told = {verb: ("", f"{_TOLD[verb]} {_a(noun)}.") for verb in VERBS}
        told["list"] = ("", f"List the {noun.plural.replace('-', ' ')}.")
        super().__init__(*args, lazy={**told, **own}, **kwargs)
        self._noun = noun

    def load(self, cmd_name: str) -> click.Command:
        """Makes a general verb, or imports one of its own."""
        return super().load(cmd_name) if self.lazy[cmd_name][0] else _MAKE[cmd_name](self._noun)


def group_of(noun: Noun, told: str, own: Mapping[str, tuple[str, str]] | None = None) -> click.Group:
    """Returns the command of a kind."""
    epilog = f"\b\nExample:\n  {noun.example}\n\n{EXPLAINED}"
    return ResourceGroup(noun.word, noun=noun, lazy=own or {}, help=told, epilog=epilog)


def _create(noun: Noun) -> click.Command:
    @click.command("create", help=f"Create {_a(noun)}.", epilog=EXPLAINED)
    @click.argument("name")
    @_FILE
    @_SET
    @output
    def create(*, name: str, file: str | None, assignments: tuple[str, ...], form: str) -> None:
        here = session()
        _print(form, here.client.resources(noun.plural).create(name, **_given(noun, file, assignments)))

    return create


def _get(noun: Noun) -> click.Command:
    @click.command("get", help=f"Show {_a(noun)}.")
    @_name(noun)
    @output
    def get(*, name: str, form: str) -> None:
        _print(form, session().client.resources(noun.plural).get(name))

    return get


def _list(noun: Noun) -> click.Command:
    @click.command("list", help=f"List the {noun.plural.replace('-', ' ')}.")
    @click.option("--search", metavar="TEXT", help="Only those whose name has this text.")
    @output
    def listing(*, search: str | None, form: str) -> None:
        here = session()
        found = here.client.resources(noun.plural).list(q=search)
        if show.records(here, form, found, noun.columns()):
            return
        if search is not None:
            here.note(f"no {noun.word.replace('-', ' ')} has {search!r} in its name")
        else:
            here.note(f"there is no {noun.word.replace('-', ' ')} yet")
            here.hint(noun.example)

    return listing


def _update(noun: Noun) -> click.Command:
    @click.command(
        "update", help=f"Change members of {_a(noun)}; null gives a default back.", epilog=EXPLAINED
    )
    @_name(noun)
    @_FILE
    @_SET
    @click.option("--replace", is_flag=True, help="Give all that is not named its default.")
    @_IF_MATCH
    @output
    def update(
        *,
        name: str,
        file: str | None,
        assignments: tuple[str, ...],
        replace: bool,
        if_match: str | None,
        form: str,
    ) -> None:
        resources, given = session().client.resources(noun.plural), _given(noun, file, assignments)
        act = resources.replace if replace else resources.update
        _print(form, act(name, if_match=if_match, **given))

    return update


def _delete(noun: Noun) -> click.Command:
    @click.command("delete", help=f"Delete {_a(noun)}.")
    @_name(noun)
    @_IF_MATCH
    def delete(*, name: str, if_match: str | None) -> None:
        here = session()
        here.client.resources(noun.plural).delete(name, if_match=if_match)
        here.note(f"{noun.word} {name} is deleted")

    return delete


_MAKE = {"create": _create, "get": _get, "list": _list, "update": _update, "delete": _delete}
_TOLD = {"create": "Create", "get": "Show", "list": "List", "update": "Change members of", "delete": "Delete"}


def _name(noun: Noun) -> Callable[[Command], Command]:
    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = ids.quickly(ctx, lambda client: client.resources(noun.plural).list())
        return [CompletionItem(one["name"]) for one in found if one["name"].startswith(incomplete)]

    return click.argument("name", shell_complete=complete)


def _given(noun: Noun, file: str | None, assignments: tuple[str, ...]) -> show.Json:
    document = {} if file is None else members.read(file, sys.stdin)
    told = {*TOLD, *noun.told}
    return members.assigned({k: v for k, v in document.items() if k not in told}, assignments)


def _print(form: str, found: show.Json) -> None:
    show.record(session(), form, found, lambda: _summary(found))


def _summary(found: show.Json) -> Iterator[str]:
    width = max(len(member) for member in found)
    for member, value in found.items():
        told = value if isinstance(value, str) else "-" if value is None else show.compact(value)
        yield clean.cell(f"{member.ljust(width)}  {told}")


def _a(noun: Noun) -> str:
    word = noun.word.replace("-", " ")
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
