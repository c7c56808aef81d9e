import type { ResourceId } from "../../models/resource.ts";
import { always, mapOf, oneOf, readOnly, reference, required, string } from "../schema.ts";

/** Values of a provisioning state. */
export const provisioningState = oneOf("creating", "succeeded", "failed", "deleting");

/** Table of `ResourceId`. */
export const resourceId = reference<ResourceId>("ResourceId", {
  id: required("id", string),
});

/** Rows of every resource. */
export const proxyResourceRows = {
  id: always("id", string),
  name: always("name", string),
  type: always("type", string),
};

/** Additional rows of a resource with its own region. */
export const regionalRows = {
  location: readOnly("location", string),
  tags: readOnly("tags", mapOf(string)),
};
