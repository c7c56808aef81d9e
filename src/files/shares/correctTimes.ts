import type { PropertyStore } from "../records/propertyStore.ts";
import { steadyNow } from "../times.ts";

const longestBreak = 60_000;

/**
 * Corrects stored times at the start. If the wall clock was set back since they were stored, a lease or a deleted share
 * would last longer than its duration: it gets its full duration again, and no more.
 */
export function correctTimes(properties: PropertyStore): void {
  const now = Math.floor(steadyNow());
  const wrong = properties.get(
    `SELECT 1 FROM leases
     WHERE lease ->> '$.endsAt' > ? + (lease ->> '$.duration') * 1000 OR lease ->> '$.brokenAt' > ? + ${longestBreak}
     UNION SELECT 1 FROM deleted_shares WHERE deleted_on > ? LIMIT 1`,
    now,
    now,
    now,
  );
  // Another process may have locked the database, which should not prevent a start.
  if (wrong === undefined) return;
  properties.transaction(() => {
    properties.run(
      `UPDATE leases SET lease = json_set(lease, '$.endsAt', ? + (lease ->> '$.duration') * 1000)
       WHERE lease ->> '$.endsAt' > ? + (lease ->> '$.duration') * 1000`,
      now,
      now,
    );
    const longest = now + longestBreak;
    properties.run(
      "UPDATE leases SET lease = json_set(lease, '$.brokenAt', ?) WHERE lease ->> '$.brokenAt' > ?",
      longest,
      longest,
    );
    properties.run(
      "UPDATE deleted_shares SET expires_on = ? + expires_on - deleted_on, deleted_on = ? WHERE deleted_on > ?",
      now,
      now,
      now,
    );
  });
}
