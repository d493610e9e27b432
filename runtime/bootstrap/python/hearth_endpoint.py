"""Makes AWS_ENDPOINT_URL count for botocore before 1.31, which does not know it.

Debian 12 has such a one. Nothing is patched before a function imports botocore, and nothing in one
that knows the variables: AWS_ENDPOINT_URL_<SERVICE> before AWS_ENDPOINT_URL, and
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS. Source: AWS SDKs reference, "Service-specific endpoints".
"""
import os
import sys

MODULE = "botocore.session"


def endpoint_of(service):
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    own = "AWS_ENDPOINT_URL_" + service.upper().replace("-", "_").replace(" ", "_")
    return os.environ.get(own) or os.environ.get("AWS_ENDPOINT_URL") or None


def knows_endpoints(version):
    try:
        return tuple(int(part) for part in version.split(".")[:2]) >= (1, 31)
    except ValueError:
        return True  # Whatever it is, it is not Debian's.


def patch(session):
    import botocore
    if knows_endpoints(botocore.__version__):
        return
    original = session.create_client

    def create_client(self, service_name, region_name=None, api_version=None, use_ssl=True,
                      verify=None, endpoint_url=None, *args, **more):
        return original(self, service_name, region_name, api_version, use_ssl, verify,
                        endpoint_url or endpoint_of(service_name), *args, **more)

    session.create_client = create_client


class Finder:
    """Finds MODULE as the import system would have, and patches it when it has been executed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != MODULE:
            return None
        from importlib.machinery import PathFinder
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                patch(module.Session)
            spec.loader.exec_module = exec_module
        return spec


def install():
    sys.meta_path.insert(0, Finder)
