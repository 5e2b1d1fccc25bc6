"""DynamoDB Local as LocalStack starts it, but on loopback only, and tied to its parent.

LocalStack runs `java OPTIONS -jar DynamoDBLocal.jar ARGUMENTS` with its own Java, and uses this
program in place of it. DynamoDB Local has no option for its network interface, so its server is
built in a JVM inside this process (JPype comes with LocalStack) and bound to loopback before it
starts. LocalStack's Java agent, which lifts the limit of 20 indexes, is not in any package
registry and is left out.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import jpype

from . import tied

_SERVER_RUNNER = "software.amazon.dynamodb.services.local.main.ServerRunner"


def main() -> None:
    libjvm, parent_pid, *command = sys.argv[1:]
    tied.to_parent(int(parent_pid))
    at = command.index("-jar")
    options = [option for option in command[:at] if not option.startswith("-javaagent:")]
    jar, arguments = Path(command[at + 1]), command[at + 2 :]
    jpype.startJVM(
        libjvm,
        *options,
        classpath=[str(jar), str(jar.parent / "DynamoDBLocal_lib" / "*")],
        convertStrings=False,
    )
    server = jpype.JClass(_SERVER_RUNNER).createServerFromCommandLineArgs(arguments)
    jetty = server.getClass().getDeclaredField("server")
    jetty.setAccessible(True)
    for connector in jetty.get(server).getConnectors():
        connector.setHost("127.0.0.1")
    server.start()
    while os.getppid() == int(parent_pid):  # only Linux ends it with its parent; others poll
        time.sleep(1)


if __name__ == "__main__":
    main()
