import type { Problem } from './problem.ts';

/** What a step that is expected to fail at times hands back: a value, or the Problem that the caller is told. Plain data, so that it crosses RPC whole. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

export const fail = (problem: Problem): { readonly ok: false; readonly problem: Problem } => ({ ok: false, problem });
