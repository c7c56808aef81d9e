import { singleQuoted } from "../../ground/shellQuoting.ts";
import { mountedOr, rightsAdvice } from "./mountError.ts";
import type { VolumeKind } from "./volume.ts";

/** File systems that the owner of a cluster or job mounts with a command. */
export const unmanagedFileSystems: VolumeKind<"unmanagedFileSystems"> = {
  property: "unmanagedFileSystems",

  issues({ mountCommand }, path) {
    if (mountCommand.trim() !== "" && !mountCommand.includes("\0")) return [];
    return [{ path: `${path}.mountCommand`, message: "must be a command, without its last argument, the mount path" }];
  },

  needs: () => [],

  async attach({ mountCommand }, { mount }) {
    const source = await mountedOr(
      "unmanaged file system",
      mountCommand,
      rightsAdvice(),
      mount(({ target }) => {
        // Job files in YAML end their texts with a line break.
        const args = ["-c", `${mountCommand.trimEnd()} ${singleQuoted(target)}`];
        return Promise.resolve({ name: "the mount command", program: "bash", args, secrets: [] });
      }),
    );
    return { source, isMount: true };
  },
};
