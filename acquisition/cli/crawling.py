"""How crawls look to people: progress in one line, what was left out and why, and one URL's story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from acquisition.cli.output import duration, size

_HOLDING: Final = 3
"""Hosts that hold a crawl up and are named in a line of progress."""
_WAYS: Final = (("refused", "not asked for"), ("failed", "failed"))


def counted(count: int, word: str) -> str:
    """Return a number with its word: "1 page", "1,200 pages"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def progress_text(fields: Mapping[str, Any]) -> str:
    """Return what a crawl is doing: counts, rate, what waits, and what holds it up."""
    parts = [f"{counted(fields.get('pages', 0), 'page')} ({fields.get('rate', 0.0):.1f}/s)"]
    parts.append(counted(fields.get("items", 0), "item"))
    words = (("active", "under way"), ("pending", "waiting"), ("hosts", ""), ("refused", "refused"), ("failed", "failed"))
    for name, word in words:
        if count := fields.get(name):
            parts.append(f"{count:,} {word}" if word else f"on {counted(count, 'host')}")
    return ", ".join([*parts, *_held(fields.get("holding") or ())])


def _held(holding: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for host in holding[:_HOLDING]:
        seconds = float(host.get("seconds") or 0)
        rest = f" for {duration(seconds)}" if seconds else ""
        yield f"held: {host.get('host', '')} ({host.get('reason', '')}{rest})"
    if len(holding) > _HOLDING:
        yield f"and {len(holding) - _HOLDING:,} more held"


def skip_report(name: str, crawl: Mapping[str, Any]) -> list[str]:
    """Return what a crawl brought, and by reason what it did not, with an address as an example of each."""
    brought = f"{counted(crawl.get('pages', 0), 'page')}, {counted(crawl.get('items', 0), 'item')}"
    lines = [f"{name}: {brought}{_changes(crawl.get('changes') or {})}"]
    if stopped := crawl.get("stopped_by"):
        lines.append(f"  stopped by {stopped}: what still waited was not visited")
    examples: Mapping[str, Mapping[str, str]] = crawl.get("examples") or {}
    for what, words in _WAYS:
        counts: Mapping[str, int] = crawl.get(what) or {}
        for reason, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
            example = examples.get(what, {}).get(reason, "")
            if reason == "setting":
                lines.append(f"  not obeyed: {counted(count, 'setting')} of the spider: {example}")
                continue
            lines.append(f"  {words}: {count:,} {reason}" + (f", such as {example}" if example else ""))
    return lines


def _changes(changes: Mapping[str, Mapping[str, int]]) -> str:
    """Say what differs from the run before, if there was one."""
    told = [f"{count:,} {what}" for what, count in (changes.get("items") or {}).items() if count]
    told += [f"{counted(count, 'page')} {what}" for what, count in (changes.get("pages") or {}).items() if count]
    return f"; since the run before: {', '.join(told)}" if told else ""


def activity_text(name: str, activity: Mapping[str, Any]) -> str:
    """Return what a source's newest run is doing or how it ended."""
    state = {
        "running": "crawling now",
        "unfinished": "a crawl did not end; the same command goes on",
        "finished": "crawled",
    }[str(activity["state"])]
    return f"{name}: {state}, {activity['run']}: {progress_text(activity)}"


def story_text(stories: Sequence[Mapping[str, Any]]) -> str:
    """Return everything that is known of one URL, run by run: how it ended, under which rules, and what it says of its use."""
    return "\n".join(line for story in stories for line in _story(story))


def _story(story: Mapping[str, Any]) -> Iterator[str]:
    why = ": ".join(word for word in (story["reason"], story["detail"]) if word)
    yield f"{story['url']} in {story['source']}, {story['run']}: {story['state']}{f' ({why})' if why else ''}"
    found = f" on {story['found_on']}" if story["found_on"] else ""
    yield f"  found{found} at {story['entered_at']}, depth {story['depth']}; ended {story['ended_at'] or 'not yet'}"
    for visit in story["visits"]:
        yield from _visit(visit)
    for item in story["items"]:
        verdicts = ", ".join(f"{about}: {word}" for about, word in (item.get("verdicts") or {}).items())
        yield f"  item {item['locator']}" + (f" ({verdicts})" if verdicts else "")
        yield from (_signal(signal) for signal in item.get("signals") or () if _says_anything(signal))
    if (more := story.get("items_found", 0) - len(story["items"])) > 0:
        yield f"  and {counted(more, 'more item')}"


def _says_anything(signal: Mapping[str, Any]) -> bool:
    """Leave out what was looked at and says nothing, such as a robots.txt that names no AI crawler."""
    return bool(signal.get("raw")) or any(signal.get(about) in ("deny", "unknown") for about in ("fetch", "train", "store"))


def _visit(visit: Mapping[str, Any]) -> Iterator[str]:
    same = ", unchanged since an earlier visit" if visit["unchanged"] else ""
    yield f"  visited {visit['at']}: {visit['status']}, {size(visit['bytes'])}{same}; {visit['warc']}"
    if visit["damage"]:
        yield f"    damaged: {visit['damage']}"
    robots = visit["robots"]
    if robots:
        rule = f"group {robots['group']!r}" if robots.get("group") else "no group for us"
        rule += f", rule {robots['rule']!r}" if robots.get("rule") else ", no rule matches"
        yield f"    {robots.get('url', 'robots.txt')} ({robots.get('status')}): {rule} → {robots.get('verdict')}"
    if visit["policies"]:
        yield f"    looked at: {', '.join(visit['policies'])}"
    if visit["policies_unknown"]:
        yield f"    could not be had: {', '.join(visit['policies_unknown'])}"


def _signal(signal: Mapping[str, Any]) -> str:
    words = ", ".join(
        f"{about} {signal[about]}" for about in ("fetch", "train", "store") if signal.get(about, "none") != "none"
    )
    return f"    {signal.get('mechanism')} in {signal.get('where')}: {signal.get('raw')!r}" + (f" → {words}" if words else "")
