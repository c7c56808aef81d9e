import { masterProcess, type Toolkit } from "./toolkit.ts";

/** The user's own command line, on the master node; the other nodes are prepared and stand by. */
export const custom: Toolkit = ({ job }) => masterProcess(job.customToolkitSettings?.commandLine ?? "");
