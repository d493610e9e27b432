"""Hooks of a snapshot start, under AWS's names: what a function does before its process is written
down, and in each sandbox that goes on from there."""

_before_snapshot = []
_after_restore = []


def register_before_snapshot(func, *args, **kwargs):
    """May decorate. The last one registered runs first."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """May decorate. The first one registered runs first."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before_snapshot


def get_after_restore():
    return _after_restore


def reset_registry():
    _before_snapshot.clear()
    _after_restore.clear()
