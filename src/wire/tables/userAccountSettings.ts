import type { UserAccountSettings } from "../../models/userAccountSettings.ts";
import { model, optional, required, secret, string } from "../schema.ts";

/** Table of `UserAccountSettings`. */
export const userAccountSettings = model<UserAccountSettings>("UserAccountSettings", {
  adminUserName: required("adminUserName", string),
  adminUserSshPublicKey: optional("adminUserSshPublicKey", string),
  adminUserPassword: secret("adminUserPassword", string),
});
