import type { UserAccountSettings } from "../../../models/userAccountSettings.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";

/** Returns the problems of an administrator account, which needs a password or a key. */
export function accountIssues(settings: UserAccountSettings, path: string): ValidationIssue[] {
  if (settings.adminUserPassword || settings.adminUserSshPublicKey) return [];
  return [{ path, message: "adminUserPassword or adminUserSshPublicKey is needed" }];
}
