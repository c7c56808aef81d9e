/** The administrator of a node or a file server, who logs in with the key or with the password: give at least one. */
export interface UserAccountSettings {
  /** Name of the account. */
  adminUserName: string;
  /** Public key for SSH, in the form of an `authorized_keys` line. Default: none. */
  adminUserSshPublicKey?: string;
  /** Password for SSH. Write-only: the service never returns it. Default: none. */
  adminUserPassword?: string;
}
