import type { MessageKind } from './message.ts';

/** A mail in words; the code, the link and the layout are added around them. Placeholders are those of placeholders.ts. */
export interface MailWording {
  readonly subject: string;
  readonly text: string;
  readonly button: string;
  readonly footer: string;
}

/** One language: how it greets, and each kind of message as a mail, as an SMS, or both. */
export interface Language {
  readonly greeting: string;
  readonly email: Readonly<Partial<Record<MessageKind, MailWording>>>;
  readonly sms: Readonly<Partial<Record<MessageKind, string>>>;
}

const en: Language = {
  greeting: 'Hello {{.DisplayName}},',
  email: {
    otpEmail: {
      subject: 'Your sign-in code',
      text: 'Enter this code to finish signing in. It is valid for {{.Expiry}} and works once.',
      button: 'Sign in',
      footer: 'Nobody will ever ask you for this code. If you are not signing in right now, ignore this message and consider changing your password.',
    },
    emailVerification: {
      subject: 'Confirm your e-mail address',
      text: 'Enter this code to confirm that this e-mail address is yours. It is valid for {{.Expiry}}.',
      button: 'Confirm the address',
      footer: 'If you did not give this address to anybody, ignore this message.',
    },
    passwordReset: {
      subject: 'Choose a new password',
      text: 'A new password was asked for, for the login name {{.LoginName}}. Enter this code to choose one. It is valid for {{.Expiry}}.',
      button: 'Choose a new password',
      footer: 'If it was not you who asked, ignore this message: your password stays as it is.',
    },
    passkeyRegistration: {
      subject: 'Set up a passkey',
      text: 'Set up a passkey for the login name {{.LoginName}}, to sign in without a password. The link is valid for {{.Expiry}} and works once.',
      button: 'Set up a passkey',
      footer: 'If you did not expect this message, ignore it: nothing changes until the link is used.',
    },
    passwordChanged: {
      subject: 'Your password was changed',
      text: 'The password of the login name {{.LoginName}} was changed.',
      button: 'Sign in',
      footer: 'If it was not you who changed it, tell your administrator at once.',
    },
  },
  sms: {
    otpSms: '{{.Code}} is your sign-in code. It is valid for {{.Expiry}}. Tell it to nobody.',
    phoneVerification: '{{.Code}} is the code that confirms your phone number. It is valid for {{.Expiry}}.',
    passwordReset: '{{.Code}} is the code to choose a new password. It is valid for {{.Expiry}}. If you did not ask for it, do nothing.',
    passwordChanged: 'The password of {{.LoginName}} was changed. If it was not you, tell your administrator at once.',
  },
};

const de: Language = {
  greeting: 'Guten Tag {{.DisplayName}},',
  email: {
    otpEmail: {
      subject: 'Ihr Anmeldecode',
      text: 'Geben Sie diesen Code ein, um die Anmeldung abzuschließen. Er gilt {{.Expiry}} und nur einmal.',
      button: 'Anmelden',
      footer:
        'Niemand wird Sie je nach diesem Code fragen. Wenn Sie sich gerade nicht anmelden, übergehen Sie diese Nachricht und erwägen Sie ein neues Passwort.',
    },
    emailVerification: {
      subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
      text: 'Geben Sie diesen Code ein, um zu bestätigen, dass diese E-Mail-Adresse Ihnen gehört. Er gilt {{.Expiry}}.',
      button: 'Adresse bestätigen',
      footer: 'Wenn Sie diese Adresse niemandem angegeben haben, übergehen Sie diese Nachricht.',
    },
    passwordReset: {
      subject: 'Wählen Sie ein neues Passwort',
      text: 'Für den Anmeldenamen {{.LoginName}} wurde ein neues Passwort angefordert. Geben Sie diesen Code ein, um es zu wählen. Er gilt {{.Expiry}}.',
      button: 'Neues Passwort wählen',
      footer: 'Wenn Sie es nicht angefordert haben, übergehen Sie diese Nachricht: Ihr Passwort bleibt, wie es ist.',
    },
    passkeyRegistration: {
      subject: 'Richten Sie einen Passkey ein',
      text: 'Richten Sie für den Anmeldenamen {{.LoginName}} einen Passkey ein, um sich ohne Passwort anzumelden. Der Link gilt {{.Expiry}} und nur einmal.',
      button: 'Passkey einrichten',
      footer: 'Wenn Sie diese Nachricht nicht erwartet haben, übergehen Sie sie: Solange niemand den Link benutzt, ändert sich nichts.',
    },
    passwordChanged: {
      subject: 'Ihr Passwort wurde geändert',
      text: 'Das Passwort des Anmeldenamens {{.LoginName}} wurde geändert.',
      button: 'Anmelden',
      footer: 'Wenn Sie es nicht selbst geändert haben, verständigen Sie sofort Ihre Administration.',
    },
  },
  sms: {
    otpSms: '{{.Code}} ist Ihr Anmeldecode. Er gilt {{.Expiry}}. Geben Sie ihn niemandem weiter.',
    phoneVerification: '{{.Code}} ist der Code, der Ihre Telefonnummer bestätigt. Er gilt {{.Expiry}}.',
    passwordReset: '{{.Code}} ist der Code für ein neues Passwort. Er gilt {{.Expiry}}. Wenn Sie ihn nicht angefordert haben, tun Sie nichts.',
    passwordChanged: 'Das Passwort von {{.LoginName}} wurde geändert. Wenn Sie es nicht waren, verständigen Sie sofort Ihre Administration.',
  },
};

/** The languages that are built in. */
export const LANGUAGES: Readonly<Record<string, Language>> = { en, de };
