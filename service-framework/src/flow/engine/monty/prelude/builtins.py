# Builtins whose key function may wait for the world outside; the engine's own cannot let it.


def sorted(iterable, /, *, key=None, reverse=False):
    if key is None:
        return __flow_sorted(iterable, reverse=reverse)
    items = list(iterable)
    sign = -1 if reverse else 1
    # The place keeps equal ones in their order and is never equal itself, so that the items are not compared.
    keyed = [(key(item), sign * place) for place, item in enumerate(items)]
    return [items[sign * place] for _, place in __flow_sorted(keyed, reverse=reverse)]


def map(function, iterable, /, *iterables):
    if not iterables:
        return iter([function(item) for item in iterable])
    return iter([function(*items) for items in zip(iterable, *iterables)])


def filter(function, iterable, /):
    if function is None:
        return iter([item for item in iterable if item])
    return iter([item for item in iterable if function(item)])


def min(*values, key=None, **default):
    if key is None:
        return __flow_min(*values, **default)
    return __flow_best("min", values, key, default, lambda a, b: a < b)


def max(*values, key=None, **default):
    if key is None:
        return __flow_max(*values, **default)
    return __flow_best("max", values, key, default, lambda a, b: a > b)


def __flow_best(name, values, key, default, is_better):
    items = list(values[0]) if len(values) == 1 else list(values)
    if not items:
        if "default" in default:
            return default["default"]
        raise ValueError(name + "() iterable argument is empty")
    best = items[0]
    best_key = key(best)
    for item in items[1:]:
        item_key = key(item)
        if is_better(item_key, best_key):
            best = item
            best_key = item_key
    return best


def __flow_reduce(function, iterable, *initial):
    items = list(iterable)
    if initial:
        total = initial[0]
    elif items:
        total = items.pop(0)
    else:
        raise TypeError("reduce() of empty iterable with no initial value")
    for item in items:
        total = function(total, item)
    return total
