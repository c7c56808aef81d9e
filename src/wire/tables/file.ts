import type { File } from "../../models/file.ts";
import { always, dateTime, int64, model, oneOf, readOnly, string } from "../schema.ts";

/** Table of `File`. */
export const file = model<File>("File", {
  name: always("name", string),
  fileType: readOnly("fileType", oneOf("file", "directory")),
  downloadUrl: readOnly("downloadUrl", string),
  lastModified: readOnly("properties.lastModified", dateTime),
  contentLength: readOnly("properties.contentLength", int64()),
});
