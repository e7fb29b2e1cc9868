"""Second way in for the audit hook: a virtual environment does not read dist-packages, but it does read this file."""
import sys

if "_lazaret_audit" not in sys.modules:
    try:
        import _frozen_importlib
        import _frozen_importlib_external

        _path = "/usr/lib/python3/dist-packages/_lazaret_audit.so"
        _loader = _frozen_importlib_external.ExtensionFileLoader("_lazaret_audit", _path)
        _frozen_importlib._load(_frozen_importlib.ModuleSpec("_lazaret_audit", _loader, origin=_path))
    except ImportError:
        pass  # not built for this interpreter: the run says that it was not covered
