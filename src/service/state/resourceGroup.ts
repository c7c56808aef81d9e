import { mapOf, model, onlyOneOf, optional, readOnly, required, string } from "../../wire/schema.ts";

/** A resource group: the container of Azure Resource Manager in which workspaces live. */
export interface ResourceGroup {
  readonly id?: string;
  readonly name?: string;
  readonly type?: string;
  /** Region; cannot be changed after creation. */
  location: string;
  tags?: Record<string, string>;
  readonly provisioningState?: "Succeeded" | "Deleting";
}

/** Parameters of an update of a resource group. */
export interface ResourceGroupUpdate {
  tags?: Record<string, string>;
}

/** Table of {@link ResourceGroup}. */
export const resourceGroup = model<ResourceGroup>("ResourceGroup", {
  id: readOnly("id", string),
  name: readOnly("name", string),
  type: readOnly("type", string),
  location: required("location", string),
  tags: optional("tags", mapOf(string)),
  provisioningState: readOnly("properties.provisioningState", onlyOneOf("Succeeded", "Deleting")),
});

/** Table of {@link ResourceGroupUpdate}. */
export const resourceGroupUpdate = model<ResourceGroupUpdate>("ResourceGroupUpdate", {
  tags: optional("tags", mapOf(string)),
});
