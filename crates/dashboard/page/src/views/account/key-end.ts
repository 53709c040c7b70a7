// When a key ends: never, after some days, or at a time that was chosen.

export const END_CHOICES = ["days_30", "days_90", "days_365", "never", "date"] as const;
export type End = (typeof END_CHOICES)[number];

const DAYS: Partial<Record<End, number>> = { days_30: 30, days_90: 90, days_365: 365 };

/** The time in RFC 3339, null for never, undefined if what was chosen is no time to come. */
export function endOf(end: End, date: string, now: number): string | null | undefined {
  if (end === "never") return null;
  const days = DAYS[end];
  if (days !== undefined) return new Date(now + days * 86_400_000).toISOString();
  const at = new Date(date);
  return Number.isNaN(at.getTime()) || at.getTime() <= now ? undefined : at.toISOString();
}
