"""Bulk operations of the fake gateway: carried out when they are looked at, by the contract's own decisions."""

from typing import Any

import msgspec

from onward.contract import bulk
from onward.contract.bulk import BulkCommand, BulkPreview, BulkView
from onward.contract.errors import NotFound
from onward.contract.log import Log, Stored
from onward_gateway.bulk import checked


class FakeBulk:
    """Operations over the executions of a fake gateway."""

    def __init__(self, gateway: Any) -> None:
        self._gateway = gateway
        self.operations: dict[str, BulkView] = {}
        self._commands: dict[str, BulkCommand] = {}
        self._items: dict[str, list[dict[str, Any]]] = {}

    def answer(
        self, method: str, parts: list[str], request: Any, moment: Any
    ) -> tuple[int, Any, dict[str, str]]:
        match method, parts:
            case "POST", []:
                return self._begin(msgspec.convert(request.body, BulkCommand), moment)
            case "GET", []:
                return 200, self._page(list(self.operations.values())[::-1]), {}
            case "GET", [one]:
                self._carry_out(self._one(one), moment)
                return 200, self.operations[one], {}
            case "GET", [one, "items"]:
                wanted = request.query.get("outcome", [None])[0]
                return 200, self._page([i for i in self._items[one] if wanted in (None, i["outcome"])]), {}
            case "POST", [one, "abort"]:
                found = msgspec.structs.replace(self._one(one), status="aborted", completed_at=moment.now)
                self.operations[one] = found
                return 200, found, {}
        raise NotFound("there is nothing at this address")

    def _begin(self, command: BulkCommand, moment: Any) -> tuple[int, Any, dict[str, str]]:
        statuses = checked(command).get("status", ())
        found = [
            one for one in self._gateway.logs
            if not statuses or self._gateway.state(one).status.value in statuses
        ]  # fmt: skip
        if command.dry_run:
            return 200, BulkPreview(action=command.action, matched=len(found)), {}
        ident = moment.new_id()
        self._commands[ident] = command
        self._items[ident] = [
            {"execution_id": one, "outcome": None, "detail": None, "at": None} for one in found
        ]
        self.operations[ident] = BulkView(
            id=ident, action=command.action, filter=command.filter, reason=command.reason, status="running",
            submitted_by="key:test", total=len(found), done=0, skipped=0, failed=0, created_at=moment.now,
            completed_at=None, links={},
        )  # fmt: skip
        return 202, self.operations[ident], {}

    def _carry_out(self, one: BulkView, moment: Any) -> None:
        if one.completed_at is not None:
            return
        command = self._commands[one.id]
        moment = msgspec.structs.replace(moment, actor=bulk.actor_of(moment.actor, one.id))
        for item in self._items[one.id]:
            log = self._gateway.logs[item["execution_id"]]
            try:
                log += bulk.decide(Log.of(Stored(event.n, event) for event in log), moment, command)
                item.update(outcome="done", at=moment.now)
            except bulk.Skip as skip:
                item.update(outcome="skipped", detail=str(skip), at=moment.now)
        counted = {
            name: sum(i["outcome"] == name for i in self._items[one.id]) for name in ("done", "skipped")
        }
        self.operations[one.id] = msgspec.structs.replace(
            one, **counted, status="completed", completed_at=moment.now
        )

    def _one(self, ident: str) -> BulkView:
        if ident not in self.operations:
            raise NotFound(f"there is no bulk operation {ident}")
        return self.operations[ident]

    @staticmethod
    def _page(items: list[Any]) -> dict[str, Any]:
        return {"items": items, "next_cursor": None}
