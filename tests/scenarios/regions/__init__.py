"""Several regions read and write as if they were one."""
