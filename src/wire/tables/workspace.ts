import type { Workspace, WorkspaceCreateParameters, WorkspaceUpdateParameters } from "../../models/workspace.ts";
import { provisioningState, proxyResourceRows, regionalRows } from "./resource.ts";
import { dateTime, mapOf, model, optional, readOnly, required, string, withRows } from "../schema.ts";

/** Table of `Workspace`. */
export const workspace = model<Workspace>(
  "Workspace",
  withRows([proxyResourceRows, regionalRows], {
    creationTime: readOnly("properties.creationTime", dateTime),
    provisioningState: readOnly("properties.provisioningState", provisioningState),
    provisioningStateTransitionTime: readOnly("properties.provisioningStateTransitionTime", dateTime),
  }),
);

/** Table of `WorkspaceCreateParameters`. */
export const workspaceCreateParameters = model<WorkspaceCreateParameters>("WorkspaceCreateParameters", {
  location: required("location", string),
  tags: optional("tags", mapOf(string)),
});

/** Table of `WorkspaceUpdateParameters`. */
export const workspaceUpdateParameters = model<WorkspaceUpdateParameters>("WorkspaceUpdateParameters", {
  tags: optional("tags", mapOf(string)),
});
