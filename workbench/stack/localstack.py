"""LocalStack as a child process, without Docker."""

from __future__ import annotations

from operate.probes import answers

from . import localstack_install
from .children import Child, require_free

_READY_S = 120.0


def start_localstack(port: int, tell: localstack_install.Tell = lambda text: None) -> Child:
    """AWS APIs at http://127.0.0.1:{port}, state in memory; installed on first use.

    Lambda functions run as processes of this machine, with AWS's runtime client.

    Raises:
        StackError: It cannot be installed here, or does not start.
    """
    require_free(port, "localstack")
    home = localstack_install.install(tell)
    env = {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_SERVER": "one_interface",
        # Queue URLs are http://127.0.0.1:{port}/ACCOUNT/NAME: with the region in the host they
        # would need DNS, with it in the path Terraform's provider refuses them.
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "SQS_ENDPOINT_STRATEGY": "off",
        # Files: everything in the child's directory.
        "OVERRIDE_IN_DOCKER": "0",  # a container that is not LocalStack's own would mislead it
        "FILESYSTEM_ROOT": "root",
        "CONFIG_DIR": "config",  # not the user's ~/.localstack
        "DYNAMODB_IN_MEMORY": "1",
        "XDG_CACHE_HOME": str(home / "cache"),  # its index of plugins
        # The network: nobody is called.
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "DOCKER_HOST": "unix:///nonexistent",
        # Functions.
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "TIDINGS_LAMBDA_RUNTIMES": str(home / "runtimes"),
        "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",  # seconds of init, on a busy machine
        "LAMBDA_KEEPALIVE_MS": "120000",  # an idle environment holds some 60 MB
        # A mapping asks its queue five times a second, not once in 1 to 10 s.
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.02",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
    }
    url = f"http://127.0.0.1:{port}/_localstack/health"
    return Child(
        "localstack",
        [str(home / "python" / "bin" / "python"), "-m", "localstack.runtime.main"],
        lambda: answers(url),
        env,
        links={"root/usr/lib/localstack": home / "library"},
        ready_s=_READY_S,
    )
