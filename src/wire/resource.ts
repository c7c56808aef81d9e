import type { ProxyResource, Resource, ResourceId } from "../models/resource.ts";
import { mapOf, model, oneOf, readOnly, required, string, withRows } from "./schema.ts";

/** Words of a provisioning state. */
export const provisioningState = oneOf("creating", "succeeded", "failed", "deleting");

/** Table of `ResourceId`. */
export const resourceId = model<ResourceId>("ResourceId", {
  id: required("id", string),
});

/** Rows that every resource has. */
export const proxyResourceRows = {
  id: readOnly("id", string),
  name: readOnly("name", string),
  type: readOnly("type", string),
};

/** Rows that a resource with a region of its own has on top of those. */
export const regionalRows = {
  location: readOnly("location", string),
  tags: readOnly("tags", mapOf(string)),
};

/** Table of `ProxyResource`. */
export const proxyResource = model<ProxyResource>("ProxyResource", proxyResourceRows);

/** Table of `Resource`. */
export const resource = model<Resource>("Resource", withRows([proxyResourceRows], regionalRows));
