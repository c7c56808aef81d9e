import type { Experiment } from "../../models/experiment.ts";
import { provisioningState, proxyResourceRows } from "./resource.ts";
import { dateTime, model, readOnly, withRows } from "../schema.ts";

/** Table of `Experiment`. */
export const experiment = model<Experiment>(
  "Experiment",
  withRows([proxyResourceRows], {
    creationTime: readOnly("properties.creationTime", dateTime),
    provisioningState: readOnly("properties.provisioningState", provisioningState),
    provisioningStateTransitionTime: readOnly("properties.provisioningStateTransitionTime", dateTime),
  }),
);
