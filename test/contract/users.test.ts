import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';

/** The least that AddHumanUser takes, in the organisation that these tests share. */
async function person(overrides: Record<string, unknown> = {}) {
  return {
    organization: { orgId: await anOrganization() },
    profile: { givenName: 'Minnie', familyName: 'Mouse' },
    email: { email: `${unique('mini')}@mouse.com`, isVerified: true },
    ...overrides,
  };
}

const add = async (overrides: Record<string, unknown> = {}, headers?: Record<string, string>) =>
  api().post('/v2/users/human', await person(overrides), headers);
const read = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.user;

describe('POST /users/human', () => {
  it('creates a user that is active at once, and answers its id and details', async () => {
    const organizationId = await anOrganization();
    for (const version of ['v2', 'v2beta']) {
      const { status, body } = await api().post(`/${version}/users/human`, await person());
      expect(status).toBe(201);
      expect(body).toEqual({
        userId: expect.stringMatching(/^\d{18}$/),
        details: { sequence: '1', changeDate: expect.any(String), resourceOwner: organizationId },
      });
      expect((await read(body.userId)).state).toBe('USER_STATE_ACTIVE');
    }
  });

  it('keeps everything that it is given', async () => {
    const email = `${unique('mini')}@mouse.com`;
    const { body } = await add({
      username: `  Mini.Mouse-${email}`,
      profile: {
        givenName: ' Minnie ',
        family_name: 'Mouse',
        nickName: 'Mini',
        displayName: 'Minnie M.',
        preferredLanguage: 'de-ch',
        gender: 'GENDER_FEMALE',
      },
      email: { email: ` ${email} `, isVerified: false },
      phone: { phone: '+41 (79) 123-45-67', isVerified: true },
      metadata: [{ key: 'a', value: 'aGk=' }],
      password: { password: PASSWORD, changeRequired: true },
    });
    const user = await read(body.userId);
    expect(user).toMatchObject({
      userId: body.userId,
      username: `Mini.Mouse-${email}`,
      loginNames: [`Mini.Mouse-${email}`],
      preferredLoginName: `Mini.Mouse-${email}`,
      human: {
        profile: {
          givenName: 'Minnie',
          familyName: 'Mouse',
          nickName: 'Mini',
          displayName: 'Minnie M.',
          preferredLanguage: 'de-CH',
          gender: 'GENDER_FEMALE',
        },
        email: { email },
        phone: { phone: '+41791234567', isVerified: true },
        passwordChangeRequired: true,
        passwordChanged: user.details.creationDate,
      },
    });
    expect(user.human.email).not.toHaveProperty('isVerified');
    expect(JSON.stringify(user)).not.toContain('sallyport-pbkdf2');
  });

  it('calls a user without a username by its e-mail address, and shows the names given as display name', async () => {
    const email = `${unique('mini')}@mouse.com`;
    const { body } = await add({ email: { email } });
    const user = await read(body.userId);
    expect(user).toMatchObject({ username: email, human: { profile: { displayName: 'Minnie Mouse' }, email: { email } } });
    expect(user.human).not.toHaveProperty('passwordChanged');
    expect(user.human).not.toHaveProperty('phone');
    expect(user.human.profile).not.toHaveProperty('gender');
  });

  it('takes a language that cannot be read for none', async () => {
    const { body } = await add({ profile: { givenName: 'M', familyName: 'M', preferredLanguage: '!!' } });
    expect((await read(body.userId)).human.profile).not.toHaveProperty('preferredLanguage');
  });

  it('takes the id of the caller’s choice', async () => {
    const userId = unique('chosen');
    expect((await add({ userId })).body.userId).toBe(userId);
    expect((await read(userId)).userId).toBe(userId);
  });

  it('refuses ids that a path cannot name or that another kind of caller may have', async () => {
    for (const userId of ['', 'a|b', 'x'.repeat(201), '.', '..', ' a', 'a\u0000']) {
      expect((await add({ userId })).status, JSON.stringify(userId)).toBe(400);
    }
  });

  it('still takes the older spelling of the organisation', async () => {
    const orgId = await newOrganization();
    const { body } = await add({ organization: undefined, organisation: { orgId } });
    expect(body.details.resourceOwner).toBe(orgId);
    expect((await add({ organisation: { orgId } })).status).toBe(400);
  });

  it('refuses by id what Zitadel refuses by id', async () => {
    const profile = { givenName: 'M', familyName: 'M' };
    const rows: [Record<string, unknown>, string][] = [
      [{ profile: { ...profile, givenName: '  ' } }, 'USER-UCej2'],
      [{ profile: { ...profile, familyName: '\t' } }, 'USER-4hB7d'],
      [{ username: '   ' }, 'V2-zzad3'],
      [{ email: { email: ' ' } }, 'EMAIL-spblu'],
      [{ email: { email: 'mini' } }, 'EMAIL-599BI'],
      [{ email: { email: 'Mini <mini@mouse.com>' } }, 'EMAIL-599GV'],
      [{ phone: { phone: '0791234567' } }, 'PHONE-so0wa'],
      [{ metadata: [{ key: ' ', value: 'aGk=' }] }, 'USER-Drght'],
      [{ metadata: [{ key: 'a', value: '' }] }, 'USER-Dbgth'],
      [{ password: { password: 'Sh0rt!' } }, 'COMMA-HuJf6'],
      [{ password: { password: 'UPPERCASE1!' } }, 'COMMA-co3Xw'],
      [{ password: { password: 'lowercase1!' } }, 'COMMA-VoaRj'],
      [{ password: { password: 'NoNumber!' } }, 'COMMA-ZBv4H'],
      [{ password: { password: 'NoSymbol1' } }, 'COMMA-ZDLwA'],
    ];
    for (const [overrides, id] of rows) expect(refusal(await add(overrides)), id).toEqual([400, id]);
  });

  it('refuses what breaks a rule of the message, without an id and without repeating it', async () => {
    const long = 'secret'.repeat(40);
    for (const overrides of [
      { profile: undefined },
      { email: undefined },
      { profile: { givenName: long, familyName: 'M' } },
      { profile: { givenName: 'M' } },
      { profile: { givenName: 'M', familyName: 'M', nickName: long } },
      { profile: { givenName: 'M', familyName: 'M', preferredLanguage: 'de-CH-1996-x' } },
      { profile: { givenName: 'M', familyName: 'M', gender: 9 } },
      { profile: { givenName: 'M', familyName: 'M', given_name: 'secret' } },
      { username: long },
      { email: { email: 'secret@mouse.com', isVerified: 'secret' } },
      { email: { email: 'secret@mouse.com', isVerified: true, returnCode: {} } },
      { password: { password: '' } },
      { password: { password: `aA1!${long}` } },
      { password: { password: PASSWORD }, hashedPassword: { hash: 'secret' } },
      { metadata: [{ key: 'a', value: 'secret!' }] },
      { metadata: { a: 'secret' } },
    ]) {
      const { status, body } = await add(overrides);
      expect(status, JSON.stringify(overrides).slice(0, 80)).toBe(400);
      expect(body.code).toBe(3);
      expect(body.details).toBeUndefined();
      expect(JSON.stringify(body)).not.toContain('secret');
    }
  });

  it('refuses what is not built, instead of leaving it out', async () => {
    expect(refusal(await add({ organization: { orgDomain: 'mouse.com' } }))).toEqual([501, 'SALLY-NotBuilt']);
    expect((await add({ idpLinks: [] })).status).toBe(201);
  });
});

describe('a login name', () => {
  it('belongs to one user, in any letter case and Unicode form', async () => {
    const name = unique('Zoë-Ⅷ');
    expect((await add({ username: name })).status).toBe(201);
    for (const same of [name, name.toUpperCase(), name.toLowerCase(), name.normalize('NFD'), name.normalize('NFKC'), ` ${name} `]) {
      expect(refusal(await add({ username: same })), same).toEqual([409, 'V3-DKcYh']);
    }
  });

  it('belongs to one user of the whole instance, person or machine', async () => {
    const user = await newUser();
    const elsewhere = await newOrganization();
    expect(refusal(await add({ username: user.loginName, organization: { orgId: elsewhere } }))).toEqual([409, 'V3-DKcYh']);
    const machine = { organizationId: elsewhere, username: user.loginName, machine: { name: 'A machine' } };
    expect(refusal(await api().post('/v2/users/new', machine))).toEqual([409, 'V3-DKcYh']);
  });

  it('is won by one of many who ask for it at once', async () => {
    const username = unique('wanted');
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => add({ username: i % 2 === 0 ? username : username.toUpperCase() })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409 && refusal(answer)[1] === 'V3-DKcYh')).toHaveLength(11);
  });

  it('is free again once its user is deleted', async () => {
    const user = await newUser();
    expect((await api().delete(`/v2/users/${user.userId}`)).status).toBe(200);
    expect((await add({ username: user.loginName })).status).toBe(201);
  });
});

describe('a user id', () => {
  it('is taken while its user is there, and for ever after', async () => {
    const userId = unique('once');
    expect((await add({ userId })).status).toBe(201);
    expect(refusal(await add({ userId }))).toEqual([409, 'COMMAND-7yiox1isql']);
    expect((await api().delete(`/v2/users/${userId}`)).status).toBe(200);
    expect(refusal(await add({ userId }))).toEqual([409, 'COMMAND-7yiox1isql']);
    expect(refusal(await api().post('/v2/users/new', { organizationId: await anOrganization(), userId, machine: { name: 'M' } }))).toEqual([
      409,
      'COMMAND-7yiox1isql',
    ]);
    expect((await api().get(`/v2/users/${userId}`)).status).toBe(404);
  });

  it('is won by one of many who ask for it at once', async () => {
    const userId = unique('wanted');
    const answers = await Promise.all(Array.from({ length: 8 }, () => add({ userId })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
  });
});

describe('the organisation of a new user', () => {
  it('is the one in the body, before the one in the header', async () => {
    const [inBody, inHeader] = [await newOrganization(), await newOrganization()];
    expect((await add({ organization: { orgId: inBody } }, { 'x-zitadel-orgid': inHeader })).body.details.resourceOwner).toBe(inBody);
    expect((await add({ organization: undefined }, { 'x-zitadel-orgid': inHeader })).body.details.resourceOwner).toBe(inHeader);
    expect((await add({ organization: { orgId: '' } }, { 'x-zitadel-orgid': inHeader })).body.details.resourceOwner).toBe(inHeader);
  });

  it('is the caller’s own where none is named', async () => {
    const organizationId = await newOrganization();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId });
    const { status, body } = await api(manager.token).post('/v2/users/human', await person({ organization: undefined }));
    expect([status, body.details?.resourceOwner]).toEqual([201, organizationId]);
  });

  it('is one that exists for a caller without any', async () => {
    expect((await add({ organization: undefined })).status).toBe(201);
  });

  it('is refused where it does not exist', async () => {
    expect(refusal(await add({ organization: { orgId: 'nowhere' } }))).toEqual([400, 'COMMAND-55M9f']);
    expect((await add({ organization: { orgId: 'nowhere' } })).body.code).toBe(9);
    expect(refusal(await add({ organization: undefined }, { 'x-zitadel-orgid': 'nowhere' }))).toEqual([403, 'AUTH-Bs7Ds']);
  });

  it('must be one in which the caller may write users', async () => {
    const [own, other] = [await newOrganization(), await newOrganization()];
    const { token } = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const client = api(token);
    for (const orgId of [other, 'nowhere']) {
      expect(refusal(await client.post('/v2/users/human', await person({ organization: { orgId } })))).toEqual([403, 'AUTH-AWfge']);
      const byHeader = await client.post('/v2/users/human', await person({ organization: undefined }), { 'x-zitadel-orgid': orgId });
      expect(refusal(byHeader)).toEqual([403, 'AUTH-AWfge']);
    }
  });
});

describe('who may create a user', () => {
  it('is whoever holds user.write', async () => {
    for (const role of ['IAM_OWNER', 'IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT', 'IAM_ORG_MANAGER']) {
      const { token } = await newMachine({ instance: [role] });
      expect((await api(token).post('/v2/users/human', await person())).status, role).toBe(201);
    }
  });

  it('is nobody else', async () => {
    for (const roles of [{}, { instance: ['SESSION_CLIENT'] }, { instance: ['IAM_OWNER_VIEWER'] }]) {
      const { token } = await newMachine(roles);
      expect(refusal(await api(token).post('/v2/users/human', await person())), JSON.stringify(roles)).toEqual([403, 'AUTH-AWfge']);
    }
    expect((await api('').post('/v2/users/human', await person())).status).toBe(401);
  });
});

describe('POST /v2/users/new', () => {
  it('creates a machine', async () => {
    const organizationId = await anOrganization();
    const username = unique('machine');
    const { status, body } = await api().post('/v2/users/new', {
      organizationId,
      username,
      machine: { name: 'A machine', description: 'does things', accessTokenType: 'ACCESS_TOKEN_TYPE_BEARER' },
    });
    expect(status).toBe(201);
    expect(body).toEqual({ id: expect.any(String), creationDate: expect.any(String) });
    expect(await read(body.id)).toMatchObject({
      username,
      state: 'USER_STATE_ACTIVE',
      machine: { name: 'A machine', description: 'does things' },
      details: { resourceOwner: organizationId, creationDate: body.creationDate },
    });
  });

  it('calls a machine without a username by its id', async () => {
    const { body } = await api().post('/v2/users/new', { organizationId: await anOrganization(), machine: { name: 'A machine' } });
    expect(await read(body.id)).toMatchObject({ username: body.id });
  });

  it('creates a person, too', async () => {
    const { organization, ...human } = await person({ password: { password: PASSWORD } });
    const { status, body } = await api().post('/v2/users/new', { organizationId: organization.orgId, human });
    expect(status).toBe(201);
    expect(await read(body.id)).toMatchObject({ username: human.email.email, human: { profile: { givenName: 'Minnie' } } });
  });

  it('wants an organisation, and a person or a machine, not both', async () => {
    const organizationId = await anOrganization();
    const machine = { name: 'A machine' };
    const { organization: _, ...human } = await person();
    for (const body of [{ machine }, { organizationId }, { organizationId, machine, human }, { organizationId, machine: {} }]) {
      expect((await api().post('/v2/users/new', body)).status, JSON.stringify(body)).toBe(400);
    }
    expect(refusal(await api().post('/v2/users/new', { organizationId, machine: { name: ' ' } }))).toEqual([400, 'COMMAND-bs9Ds']);
    expect(refusal(await api().post('/v2/users/new', { organizationId, machine: { ...machine, accessTokenType: 1 } }))).toEqual([
      501,
      'SALLY-NotBuilt',
    ]);
    expect(refusal(await api().post('/v2/users/new', { organizationId: 'nowhere', machine }))).toEqual([400, 'COMMAND-55M9f']);
  });
});

describe('GET /users/{userId}', () => {
  it('answers 404 for a user who does not exist', async () => {
    for (const version of ['v2', 'v2beta']) expect(refusal(await api().get(`/${version}/users/nobody`))).toEqual([404, 'QUERY-Dfbg2']);
    expect((await api().get(`/v2/users/${'x'.repeat(201)}`)).status).toBe(400);
  });

  it('does not take "new", "human" or "pats" for anything but an id', async () => {
    for (const id of ['new', 'human', 'pats']) expect(refusal(await api().get(`/v2/users/${id}`)), id).toEqual([404, 'QUERY-Dfbg2']);
  });

  it('shows itself to a user without any role, and nobody else', async () => {
    const user = await newUser();
    const machine = await newMachine();
    expect((await api(machine.token).get(`/v2/users/${machine.userId}`)).body.user.userId).toBe(machine.userId);
    for (const id of [user.userId, 'nobody']) expect(refusal(await api(machine.token).get(`/v2/users/${id}`))).toEqual([403, 'AUTH-AWfge']);
  });

  it('shows users of its organisations to a caller who may read there, and takes all others for unknown', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await newUser();
    const { token } = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    expect((await api(token).get(`/v2/users/${mine.userId}`)).status).toBe(200);
    const unknown = await api(token).get('/v2/users/nobody');
    const hidden = await api(token).get(`/v2/users/${foreign.userId}`);
    expect(refusal(hidden)).toEqual([404, 'QUERY-Dfbg2']);
    expect(hidden.body).toEqual(unknown.body);
  });
});
