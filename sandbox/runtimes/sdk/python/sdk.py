"""What a program tells whoever runs it, beside its output: a JSON document in /metadata."""
import json

_FILE = "/metadata/.quartermaster_metadata.json"


def set_metadata(*what):
    """set_metadata(data) stores data; set_metadata(key, value) adds to what is stored."""
    if len(what) == 2:
        data = get_metadata()
        data = data if isinstance(data, dict) else {}
        data[what[0]] = what[1]
    elif len(what) == 1:
        data = what[0]
    else:
        raise TypeError("set_metadata(data) or set_metadata(key, value)")
    text = json.dumps(data)  # fails before the file is touched
    with open(_FILE, "w", encoding="utf-8") as file:
        file.write(text)


def get_metadata(key=None, default=None):
    """What was stored, or one entry of it; None and the default where there is nothing."""
    try:
        with open(_FILE, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError):
        data = None
    if key is None:
        return data
    return data.get(key, default) if isinstance(data, dict) else default
