import type { RemoteLoginInformation } from "../../models/remoteLoginInformation.ts";
import { int32, model, readOnly, string } from "../schema.ts";

/** Table of `RemoteLoginInformation`. */
export const remoteLoginInformation = model<RemoteLoginInformation>("RemoteLoginInformation", {
  nodeId: readOnly("nodeId", string),
  ipAddress: readOnly("ipAddress", string),
  port: readOnly("port", int32()),
});
