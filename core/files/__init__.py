"""The folders that each account has on the server: what is put there by sftp, scp and the commands, within a quota."""
