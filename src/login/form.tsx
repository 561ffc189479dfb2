import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { LoginEnv } from './room.ts';
import type { Notice } from './visit.ts';

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: string;
  readonly value?: string | undefined;
  readonly autocomplete: string;
  readonly inputmode?: 'text' | 'numeric' | 'email' | 'tel';
  readonly hint?: string;
  readonly autofocus?: boolean;
  readonly minlength?: number;
  readonly maxlength?: number;
  readonly error?: string | undefined;
}

/** One labelled field; what is wrong with it stands beside it, and is announced. */
export function Field({ name, label, hint, error, type = 'text', ...rest }: FieldProps) {
  const described = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {hint && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      <input
        id={name}
        name={name}
        type={type}
        required
        maxlength={200}
        autocapitalize="none"
        spellcheck={false}
        aria-describedby={described || undefined}
        aria-invalid={error ? 'true' : undefined}
        {...rest}
      />
      {error && (
        <p class="error" id={`${name}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/** A form that is sent by POST. `once` names this showing of it: sent twice, it is carried out once. */
export function Form({ action, once, children, ...rest }: { action: string; once?: string; children: Child; [attribute: string]: unknown }) {
  return (
    <form method="post" action={action} {...rest}>
      {once && <input type="hidden" name="once" value={once} />}
      {children}
    </form>
  );
}

/** What a page has to say that is about no field of it. */
export function Says({ notice, texts }: { notice: Notice | undefined; texts: Readonly<Record<string, string>> }) {
  const text = said(notice, texts);
  if (notice?.field !== undefined || text === undefined) return null;
  return (
    <p class="notice" role="alert">
      {text}
    </p>
  );
}

/** The words of a notice; its seconds in the place of `{seconds}`. */
export const said = (notice: Notice | undefined, texts: Readonly<Record<string, string>>): string | undefined =>
  notice && texts[notice.text]?.replace('{seconds}', String(notice.seconds ?? 1));

/** What there is to say about one field. */
export const errorAt = (field: string, notice: Notice | undefined, texts: Readonly<Record<string, string>>): string | undefined =>
  notice?.field === field ? said(notice, texts) : undefined;

/** A field of the form that was sent; empty when it is not there, or is no text, or the form is none. */
export async function formText(context: Context<LoginEnv>, name: string): Promise<string> {
  const { [name]: value } = await context.req.parseBody().catch((): Record<string, unknown> => ({}));
  return typeof value === 'string' ? value : '';
}

/** What a script of ours has put into a field, as JSON; an empty object when it is none. */
export async function formJson(context: Context<LoginEnv>, name: string): Promise<object> {
  try {
    const value: unknown = JSON.parse(await formText(context, name));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
