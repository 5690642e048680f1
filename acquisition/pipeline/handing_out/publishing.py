"""Pushing the curated set: what would go, whether it may, and the push itself, which a later run goes on from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from acquisition import manifest, publish
from acquisition.curate import closed_holdouts
from acquisition.errors import CredentialsMissing, PushRefused, UsageError
from acquisition.manifest.credit import CREDITS_HINT, credits_missing
from acquisition.manifest.names import FILES, ITEMS, SUMS
from acquisition.pipeline.handing_out.unfinished import demand_finished
from acquisition.pipeline.session import Session
from acquisition.workspace import utc_now

TOKEN: Final = "HF_TOKEN"  # noqa: S105  # the variable's name
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Pushing:
    """What a push does, or has done where `commit` is set. Files come with their bytes; items are counted.

    `repository` is "new", "there" or "not asked" (without a token nobody is asked). `findings` are what verify found. `paths`
    names the files that are new, changed (of which somebody else has put there those that are `replaced`) and deleted; all of
    them where nobody was asked. `hint` says what to do where it is refused; `stays_private` that the repository is there and
    private, although a public one was asked for.
    """

    target: publish.Target
    version: str
    private: bool
    repository: str
    files: Mapping[str, tuple[int, int]]
    contents: publish.Contents
    embargoes: Mapping[str, str]
    findings: tuple[str, ...]
    strangers: int = 0
    commit: str = ""
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hint: str = ""
    stays_private: bool = False

    @property
    def is_refused(self) -> bool:
        """Say whether something stands against it."""
        return bool(self.contents.refusals or self.findings)

    def value(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "repo": self.target.repo,
            "url": self.target.url,
            "version": self.version,
            "private": self.private,
            "stays_private": self.stays_private,
            "repository": self.repository,
            "files": {name: {"files": count, "bytes": size} for name, (count, size) in self.files.items()},
            "items": self.contents.kept,
            "licenses": dict(self.contents.licenses),
            "duties": dict(self.contents.duties),
            "embargoed": {"items": self.contents.withheld, "splits": dict(self.embargoes)},
            "refused": [asdict(one) for one in self.contents.refusals],
            "verify": list(self.findings),
            "paths": {name: list(paths) for name, paths in self.paths.items()},
            "strangers": self.strangers,
            "commit": self.commit,
        }


def push(session: Session, target: publish.Target, *, public: bool = False, do: bool = False) -> Pushing:
    """Say what a push would do, or do it with `do`.

    Raises PushRefused when the set is not what its manifest says, is empty, or holds what may not be passed on;
    CredentialsMissing without a token; PushConflict when somebody else pushes at the same time. What has arrived is not sent
    again.
    """
    if not (session.workspace.manifest / ITEMS).is_file():
        raise UsageError("there is no set to push", where=str(session.workspace.root), hint="Run `acquire fetch` first.")
    token = session.environment.get(TOKEN, "").strip()
    if do and not token:
        raise CredentialsMissing(
            f"a push needs a token with write access, and {TOKEN} is not set",
            where=target.url,
            hint=f"Make one at {target.endpoint}/settings/tokens and set {TOKEN}; no other place is looked at.",
        )
    with session.held("push"):
        verified = manifest.verify(session.workspace.manifest, session.workspace.curated, session.watched("set and manifest"))
        plan = _judged(session, target, verified, private=not public)
        if do and plan.is_refused:
            raise _refused(plan)
        if not token or plan.is_refused:
            return plan
        with publish.Hub.opened(target, token, session.user_agent) as hub:
            return _push(session, plan, hub, do=do)


def _judged(session: Session, target: publish.Target, verified: manifest.Verified, *, private: bool) -> Pushing:
    """Return what may go as far as the workspace tells; the Hub is not asked."""
    workspace = session.workspace
    findings = tuple(f"{one.code}: {one.path}" for one in verified.findings)
    today = dt.date.fromisoformat(utc_now()[:10])
    curated = session.declared.declaration.curated
    closed = {name: curated.holdouts[name].until for name in closed_holdouts(curated, today)}
    if any(one.path in {ITEMS, FILES, SUMS} for one in verified.findings):  # nothing is read out of what was not written so
        return Pushing(target, "", private, "not asked", {}, publish.Contents(0, {}, {}, 0, ()), closed, findings)
    demand_finished(workspace, PushRefused)
    held = publish.contents(workspace.manifest / ITEMS, frozenset(closed))
    _demand_some(session, target, held)
    if why := credits_missing(workspace.manifest, held.duties):
        raise PushRefused(why, where=str(workspace.manifest), hint=CREDITS_HINT)
    files = publish.outgoing(workspace.curated, workspace.manifest, workspace.manifest / FILES)
    return Pushing(
        target=target,
        version=_version(session),
        private=private,
        repository="not asked",
        files={"all": _sum(files)},
        paths={"all": tuple(one.path for one in files)},
        contents=held,
        embargoes=closed,
        findings=findings,
        hint=_hint(held.refusals, findings, redistribute=session.use.redistribute),
    )


def _demand_some(session: Session, target: publish.Target, held: publish.Contents) -> None:
    """An empty set is pushed only where it takes the place of one that was pushed: what was taken down has to leave there."""
    if held.kept or publish.known_paths(session.workspace.root, target):
        return
    why = f"; {held.withheld:,} items are of splits under an embargo" if held.withheld else ""
    raise PushRefused(
        f"the set is empty: nothing was kept{why}",
        where=str(session.workspace.root),
        hint="`acquire status` tells what is held and what decides it; `acquire explain ID` does of one item.",
    )


def _push(session: Session, plan: Pushing, hub: publish.Hub, *, do: bool) -> Pushing:
    """Compare with what the repository holds, and send what it does not."""
    root, target = session.workspace.root, plan.target
    there = hub.look()
    if there.exists and plan.private and not there.private:
        raise PushRefused(
            "the repository is public, and a set is pushed to private ones unless it is said otherwise",
            where=target.url,
            hint="Add --public, or make the repository private.",
        )
    files = publish.outgoing(session.workspace.curated, session.workspace.manifest, session.workspace.manifest / FILES)
    ours = publish.known_paths(root, target)
    difference = publish.compare(files, there.files, ours)
    plan = replace(
        plan,
        private=there.private if there.exists else plan.private,
        stays_private=there.exists and there.private and not plan.private,
        repository="there" if there.exists else "new",
        files={
            "all": _sum(files),
            "new": _sum(difference.new),
            "changed": _sum(difference.changed),
            "same": _sum(difference.same),
            "deleted": (len(difference.gone), 0),
        },
        strangers=difference.strangers,
        paths={
            "new": tuple(one.path for one in difference.new),
            "changed": tuple(one.path for one in difference.changed),
            "replaced": difference.replaced,
            "deleted": difference.gone,
        },
    )
    return replace(plan, commit=_send(session, plan, hub, there, difference)) if do else plan


def _send(session: Session, plan: Pushing, hub: publish.Hub, there: publish.Remote, difference: publish.Difference) -> str:
    """Send what differs, note it, and return the commit that holds the set; nothing is sent where nothing differs."""
    root, target = session.workspace.root, plan.target
    sent = tuple(difference.sent)
    paths = {one.path for one in (*sent, *difference.same)}
    if not there.exists:
        hub.create(private=plan.private)
        there = hub.look()

    so_far = [0, 0]
    watched = session.watched(f"push to {target.repo}", len(sent), sum(one.size for one in sent))

    def done(files: int, size: int) -> None:
        so_far[0] += files
        so_far[1] += size
        watched(*so_far)
        session.check_stop()

    commit = there.commit
    if sent or difference.gone:
        publish.note_paths(root, target, publish.known_paths(root, target) | paths)
        session.reporter.event("step", text=f"sending {len(sent):,} files to {target.url}")
        name = session.declared.declaration.dataset.name
        commit = hub.commit(sent, difference.gone, f"{name} {plan.version}", there.commit, done)
    publish.note_paths(root, target, paths)
    count, size = plan.files["all"]
    told = publish.Push(
        repo=target.repo,
        endpoint=target.endpoint,
        commit=commit,
        version=plan.version,
        at=utc_now(),
        private=plan.private,
        files=count,
        bytes=size,
        uploaded=len(sent),
        deleted=len(difference.gone),
    )
    if sent or difference.gone or not any(one.commit == commit and one.repo == target.repo for one in publish.pushes(root)):
        publish.record(root, told)
    return commit


def _sum(files: Sequence[publish.Outgoing]) -> tuple[int, int]:
    return len(files), sum(one.size for one in files)


def _version(session: Session) -> str:
    """Return the set's version: the manifest's own history knows it, a manifest without one has the declared."""
    known = manifest.read_versions(session.workspace.manifest)
    return known[-1].version if known else session.declared.declaration.dataset.version


def _refused(plan: Pushing) -> PushRefused:
    lines = [f"    {one.sentence}" for one in plan.contents.refusals[:_SHOWN]]
    lines += [f"    {finding}" for finding in plan.findings[:_SHOWN]]
    more = len(plan.contents.refusals) + len(plan.findings) - len(lines)
    lines += [f"    and {more:,} more"] if more > 0 else []
    return PushRefused("the set may not be passed on:\n" + "\n".join(lines), where=plan.target.url, hint=plan.hint)


def _hint(refusals: Sequence[publish.Refusal], findings: Sequence[str], *, redistribute: bool) -> str:
    """Return what would let the set go, by what keeps each refused item in it; nothing that is done already."""
    kept_by = {one.kept_by for one in refusals}
    if findings:
        return "Run `acquire curate --anew` to make the set anew."
    said = []
    if "earlier build" in kept_by:
        said.append("Run `acquire curate`, which leaves out what is under an embargo.")
    if "policy" in kept_by:
        said.append(_NARROW if redistribute else _JUDGE)
    if "decision" in kept_by:
        said.append(_DECIDE)
    if kept_by & {"policy", "decision"}:
        said.append(_OWNER)
    return " ".join(said)


_JUDGE: Final = "Set dataset.use.redistribute to true, so that the policy keeps such items out."
_NARROW: Final = (
    "A rule of `policy` keeps such items, or the set is older than its use: change the rule, and run `acquire curate`."
)
_DECIDE: Final = (
    "A decision to keep an item is no permission to pass it on: add a line with the outcome `drop` for it to decisions.jsonl, "
    "and run `acquire curate`."
)
_OWNER: Final = "Where the owner has allowed it, say so with license.redistribute of the source."
