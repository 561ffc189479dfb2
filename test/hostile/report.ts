/** What a trial found: its figures as a sentence, and what was wrong. */
export interface Report {
  readonly figures: string;
  readonly faults: readonly string[];
}
