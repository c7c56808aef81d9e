import type { LaunchPlan, LaunchSegment, LaunchText } from "../engine.ts";

/**
 * Returns what the script of a run fills in on its first node, as fields that end in NUL: for each text its place, the
 * number of its pieces, and the pieces. A place is `s` with the index of a field of the plan, or `f` with the path of a
 * file. The first character of a piece says what it is: `t` text, `h` the address of a node, `n` the name of a node,
 * `p` a port; the rest is the text or the number.
 * @param fields - Fields of the plan for the supervisor.
 */
export function fillingsOf(fields: readonly (LaunchText | number)[], files: LaunchPlan["files"]): string {
  const records = [
    ...fields.flatMap((field, index) => (typeof field === "object" ? recordOf(`s${String(index)}`, field) : [])),
    ...files.flatMap(({ path, content }) => (typeof content === "object" ? recordOf(`f${path}`, content) : [])),
  ];
  return records.map((record) => `${record}\0`).join("");
}

function recordOf(place: string, segments: readonly LaunchSegment[]): string[] {
  return [place, String(segments.length), ...segments.map(pieceOf)];
}

function pieceOf(segment: LaunchSegment): string {
  if (typeof segment === "string") return `t${segment}`;
  if ("host" in segment) return `h${String(segment.host)}`;
  if ("hostName" in segment) return `n${String(segment.hostName)}`;
  return `p${String(segment.port)}`;
}
