/**
 * Administrator account on a node or a file server, for sign-in with a key or a password. At least one of the two is
 * required.
 */
export interface UserAccountSettings {
  /** Name of the account. */
  adminUserName: string;
  /** Public SSH key, in the format of an `authorized_keys` line. Default: none. */
  adminUserSshPublicKey?: string;
  /** SSH password. Write-only: the service never returns it. Default: none. */
  adminUserPassword?: string;
}
