"""What builds, starts and checks the local cluster; nothing here is shipped."""
