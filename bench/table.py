# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results as a table for people and as JSON for programs."""
import platform
import statistics
import time


def summary(samples, more_is_better=False):
    ordered = sorted(samples, reverse=more_is_better)
    return {
        "n": len(ordered),
        "best": ordered[0],
        "median": statistics.median(ordered),
        "p90": ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))],
    }


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def goals_of(row, result):
    """[(words, value, wanted, reached)]; a goal whose engine is missing is left out."""
    numbers = {name: summary(samples, row.more_is_better) for name, samples in result.items() if samples}
    out = []
    for words, wanted, value_of in row.goals:
        try:
            value = value_of(numbers)
        except (KeyError, ZeroDivisionError):
            continue
        out.append((words, value, wanted, value >= wanted if words.startswith("at least") else value <= wanted))
    return out


def print_table(row, result, took):
    numbers = {name: summary(samples, row.more_is_better) for name, samples in result.items() if samples}
    base = "cloche" if "cloche" in numbers else next(iter(numbers))
    ours = numbers[base]
    print(f"\n{row.name}: {row.title}  [{row.unit}]  ({took:.0f} s)")
    print(f"  {'':<16}{'best':>10}{'median':>10}{'worst 10th':>12}{'n':>5}   beside {base}")
    for name, s in numbers.items():
        ratio = f"{s['best'] / ours['best']:.2f} best, {s['median'] / ours['median']:.2f} median"
        print(f"  {name:<16}{number(s['best']):>10}{number(s['median']):>10}{number(s['p90']):>12}{s['n']:>5}   {ratio}")
    for words, value, _, reached in goals_of(row, result):
        print(f"  {'reached' if reached else 'MISSED '}  {words}: {number(value)}")


def as_json(bench, results):
    rows = []
    for row, result in results:
        rows.append({
            "name": row.name, "title": row.title, "unit": row.unit, "more_is_better": row.more_is_better,
            "engines": {name: {**summary(samples, row.more_is_better), "samples": samples}
                        for name, samples in result.items() if samples},
            "goals": [{"goal": words, "value": value, "wanted": wanted, "reached": reached}
                      for words, value, wanted, reached in goals_of(row, result)],
        })
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": platform.release(), "quick": bench.quick,
        "versions": {engine.name: engine.version() for engine in bench.engines},
        "rows": rows,
    }
