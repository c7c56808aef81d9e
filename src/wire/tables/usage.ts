import type { Usage, UsageName } from "../../models/usage.ts";
import { int32, int64, model, object, oneOf, readOnly, string } from "../schema.ts";

/** Table of `UsageName`. */
export const usageName = model<UsageName>("UsageName", {
  value: readOnly("value", string),
  localizedValue: readOnly("localizedValue", string),
});

/** Table of `Usage`. */
export const usage = model<Usage>("Usage", {
  unit: readOnly("unit", oneOf("Count")),
  currentValue: readOnly("currentValue", int32()),
  limit: readOnly("limit", int64()),
  name: readOnly("name", object(usageName)),
});
