/** A password hash, who made it (a specification, or another implementation than the one that verifies it), and the password. */
export interface ForeignHash {
  readonly by: string;
  readonly password: string;
  readonly hash: string;
}

/** Hashes made elsewhere, of every scheme that can be imported. Passwords of 32 and 64 bytes are where implementations of SHA-crypt go wrong. */
export const FOREIGN_HASHES: readonly ForeignHash[] = [
  { by: 'libxcrypt', password: 'U*U*U', hash: '$2a$04$abcdefghijklmnopqrstuuMJG4SPxGpsI2PpmiVYJg7D.hA7CdQyO' },
  { by: 'libxcrypt', password: 'p\u00e4ssw\u00f6rd', hash: '$2b$06$DCq7YPn5Rq63x1Lad4cll.ptkHl1TW7p.em.YcG2XaMJhv.xYq2em' },
  { by: 'libxcrypt', password: 'p\u00e4ssw\u00f6rd', hash: '$2y$05$N9qo8uLOickgx2ZMRZoMyeJNvAuAcV2WTmV59ERHGA38pEXH3W172' },
  { by: 'libxcrypt', password: 'U*U*U', hash: '$2b$04$zVHmKQtGGQob.b/Nc7l9NO13v1bUjHKYawtyJUEe8yKKlaMO0jGpG' },
  { by: 'John the Ripper', password: 'U*U', hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
  { by: "SHA-crypt's specification", password: 'Hello world!', hash: '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5' },
  { by: "SHA-crypt's specification", password: 'Hello world!', hash: '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA' },
  {
    by: "SHA-crypt's specification",
    password: 'Hello world!',
    hash: '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  },
  {
    by: "SHA-crypt's specification",
    password: 'Hello world!',
    hash: '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  },
  { by: 'libxcrypt', password: 'p\u00e4ssw\u00f6rd', hash: '$5$salt$Xl27tyXYOIil/.905UefyvfS7pVfDGNhIYZU23sjiqA' },
  {
    by: 'libxcrypt',
    password: 'p\u00e4ssw\u00f6rd',
    hash: '$6$salt$eOlgcuQrKG/uUNfGuhrDpZW1IZxBa2Pv6lxKVNGUSwNJLk4VqBrq8hiThVStkFH5WAHILk9Zofxyuv2j/5vSf1',
  },
  { by: 'libxcrypt', password: 'p\u00e4ssw\u00f6rd', hash: '$1$salt$QPw8223Sm.s4vlBuBws4Q0' },
  { by: 'openssl passwd -1', password: 'V3ryS3cure!', hash: '$1$saltsalt$yyywWDcDI4FHDiVLs3Omd0' },
  { by: 'libxcrypt', password: 'a'.repeat(1), hash: '$5$rounds=1000$sixteencharssalt$dfNC4xA7HSAFyomizujrESqW3eMWTMfZzVT0DbNsAv6' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(1),
    hash: '$6$rounds=1000$a$Gf/Em4y/D8ip4YPCiSIb3iYaKrfMPNGol3.pK42.xKyPXom4lFoCqB6wfgq8yOu09WCnmOr/rjqT0LDyFceet1',
  },
  { by: 'libxcrypt', password: 'a'.repeat(1), hash: '$1$eightchr$/ppWyIn51ROIg7VYTJGQs1' },
  { by: 'libxcrypt', password: 'a'.repeat(15), hash: '$5$rounds=1000$sixteencharssalt$cYPXHsuAN.1u47N35KkPZGncI9WvGrq8sAyeAY.yh58' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(15),
    hash: '$6$rounds=1000$a$Swl/ya.ZkNBxf8HpZ7LteojSMNm9KOQ5rCMHacyTbCTC.tK0tfRqVJdD5VakyhN6OVBhY1QFPZPWqJ4J13Otu0',
  },
  { by: 'libxcrypt', password: 'a'.repeat(15), hash: '$1$eightchr$HcNIyn.DXUvn/V79vxOB70' },
  { by: 'libxcrypt', password: 'a'.repeat(16), hash: '$5$rounds=1000$sixteencharssalt$8swPrmMTgxwZbqk5myOhfBaC/CqGlqWB3tgKnp2Gu61' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(16),
    hash: '$6$rounds=1000$a$vWfyZuvwKTTcJWzorNCa4cP4TfJUYhviRxMlyowx7WAVAU2XOFSr.0knqhm8ssXhBe/wvZZvvlQkpqYpDLJ4O0',
  },
  { by: 'libxcrypt', password: 'a'.repeat(16), hash: '$1$eightchr$b7mrSBoSixFyUoTySncYd.' },
  { by: 'libxcrypt', password: 'a'.repeat(17), hash: '$5$rounds=1000$sixteencharssalt$kHfgwZOqIxwn55zwn2wZT3mr7CAKjix3qPL6IigdaV2' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(17),
    hash: '$6$rounds=1000$a$dZW9jRr959OD/kdbJ/dXNOq52AzV/sGsPDGogCfq5ydOeYVLcz.Wu4WJNfptbmytlopAeuii4KIGMUF9Vo.FA0',
  },
  { by: 'libxcrypt', password: 'a'.repeat(17), hash: '$1$eightchr$iv8FkJSk1VyHMneiG3cMH0' },
  { by: 'libxcrypt', password: 'a'.repeat(31), hash: '$5$rounds=1000$sixteencharssalt$6fxksClmcU1zI9f74MktzawN2JKbOKvZWd4OF4Z7oL3' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(31),
    hash: '$6$rounds=1000$a$/KxbUXUIT.c9eY7p5.4BUXAXwHmIElk3nl/VsLoerDzYFmhafWzIyTRIFlWKO13cFcsowjqG8CoAjSkoct1s2/',
  },
  { by: 'libxcrypt', password: 'a'.repeat(31), hash: '$1$eightchr$AqIxkg3qGxmxgCdVeNJws0' },
  { by: 'libxcrypt', password: 'a'.repeat(32), hash: '$5$rounds=1000$sixteencharssalt$XMXe2IRSaUE4q7cILF1x5WIDlVQ2s8hGbT.dgFHGdh5' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(32),
    hash: '$6$rounds=1000$a$9g/195KqB656r60XkbUrAsy1apj0RZl1vm3mC6XI.C1.wR1dSTV4H2.CbXlMhDBqUujXFjFnt43538tB1.tIO1',
  },
  { by: 'libxcrypt', password: 'a'.repeat(32), hash: '$1$eightchr$8Dv95TFskQpGh7IVFXqPG0' },
  { by: 'libxcrypt', password: 'a'.repeat(33), hash: '$5$rounds=1000$sixteencharssalt$8dGi3BJnBr3mNV/J50u3mjtB9uZ/oG/7.pSIUQChM29' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(33),
    hash: '$6$rounds=1000$a$QDh8UuBFMnroKYu.WaC5sKhV.LwfFu7FDt0xa25zUUMQLsAT0qcLezkBT8mQymuuz2ZKhkt9s5TTmVpGToLEc1',
  },
  { by: 'libxcrypt', password: 'a'.repeat(33), hash: '$1$eightchr$8OHmdys.ncjV7i1y3cD/V1' },
  { by: 'libxcrypt', password: 'a'.repeat(63), hash: '$5$rounds=1000$sixteencharssalt$0rA1A3lnIi12FQQ759U8pChF4HGgGnajU/w0ZmFzCo.' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(63),
    hash: '$6$rounds=1000$a$Lw.RHBdPicxvgu5jfdN8VpUpi2IPfDQzdabQxsCqtMpEPiomsa8rlLPtT1yBki5XEBpxluSATbTBqWuvMLlU51',
  },
  { by: 'libxcrypt', password: 'a'.repeat(63), hash: '$1$eightchr$hQVgZemkGUPmb4.HFpv70.' },
  { by: 'libxcrypt', password: 'a'.repeat(64), hash: '$5$rounds=1000$sixteencharssalt$NX.8AWf7bpiXDhooYBFoKsTt8vu/oPAGzRrc3lXSXQD' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(64),
    hash: '$6$rounds=1000$a$5Lfzgi4uLttNt4cEzFB4DPURefSGxFnEKa.wTR0JkVIn25Ih92JkA0M09vxxxQq6ryfrpiT.akQfmw9Nk53MS.',
  },
  { by: 'libxcrypt', password: 'a'.repeat(64), hash: '$1$eightchr$nm9paIoQZv83fB.MNXo1j0' },
  { by: 'libxcrypt', password: 'a'.repeat(65), hash: '$5$rounds=1000$sixteencharssalt$34Rp4kwzsO5S6zJsR.SmpoA2U3M3VWjBN6wqMr7XH60' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(65),
    hash: '$6$rounds=1000$a$4/5gbIUqiODLost.nCcFmWjFVS/yOzduaxSvm3O/929MuFil3XKp1tmGsRojKnVgtVooP5tWk5.DX80BSKemA1',
  },
  { by: 'libxcrypt', password: 'a'.repeat(65), hash: '$1$eightchr$Cxz04hpqK3.NoHHD42b6S1' },
  { by: 'libxcrypt', password: 'a'.repeat(128), hash: '$5$rounds=1000$sixteencharssalt$wVFIpKG.qUyNq5BqLv5xtC1it.NylqqCuoR9etARJe2' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(128),
    hash: '$6$rounds=1000$a$8pI7AdgllBLjuTboaZrkdopcSaFX1yYL7ajHn0OQ8uPU.fu2emKWQyg0SPAX3mpWBE7vXFvF0FJs57KaUK/nL1',
  },
  { by: 'libxcrypt', password: 'a'.repeat(128), hash: '$1$eightchr$8KfQ6AP3CyPPKJ2RPO8sU0' },
  { by: 'libxcrypt', password: 'a'.repeat(200), hash: '$5$rounds=1000$sixteencharssalt$zorB73kbEC0ocaNv.sZCq6914R57OxEAkb1fhGjn4W7' },
  {
    by: 'libxcrypt',
    password: 'a'.repeat(200),
    hash: '$6$rounds=1000$a$Qq2v64tUuoBCtIbfx44GbJtpUZEZTqjZ4c5LOAY/YQ5bGn9G9Nt9d6jtPuX7GoncM9YeLpmAi0b3OFEWqaJBn.',
  },
  { by: 'libxcrypt', password: 'a'.repeat(200), hash: '$1$eightchr$len5aJg5rfgOM4a/QGJGe.' },
  {
    by: 'RFC 7914, in the notation of crypt',
    password: 'pleaseletmein',
    hash: '$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D',
  },
  { by: 'libxcrypt', password: 'p\u00e4ssw\u00f6rd', hash: '$7$86..../....salt$QtD6q6.ynr9K4m9jL8niJytzR/mR1O9rWfspUu7p017' },
  {
    by: 'RFC 7914',
    password: 'password',
    hash: '$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA',
  },
  {
    by: 'RFC 7914',
    password: 'pleaseletmein',
    hash: '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw',
  },
  { by: 'OpenSSL', password: 'p\u00e4ssw\u00f6rd', hash: '$scrypt$ln=12,r=8,p=2$8PHy8/T19vf4+fr7/P3+/w$JFairNoRL2Ph5ZuXaBCYE2Y3RGMQOIX7Pd+SRW30T0Y' },
  { by: 'RFC 6070', password: 'password', hash: '$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE' },
  {
    by: 'RFC 7914',
    password: 'Password',
    hash: '$pbkdf2-sha256$80000$TmFDbA$TdzY9guYviGDDO5e8icB.WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ',
  },
  { by: 'OpenSSL', password: 'p\u00e4ssw\u00f6rd', hash: '$pbkdf2$1234$8PHy8/T19vf4.fr7/P3./w$Sv5CV95ZqBP.pih7Kdx85pyMEs4' },
  { by: 'OpenSSL', password: 'p\u00e4ssw\u00f6rd', hash: '$pbkdf2-sha224$1234$8PHy8/T19vf4.fr7/P3./w$Ph9lJ/EXGqnnaJOiAOtBqtZ/4pTEh/y.JiypJw' },
  { by: 'OpenSSL', password: 'p\u00e4ssw\u00f6rd', hash: '$pbkdf2-sha256$1234$8PHy8/T19vf4.fr7/P3./w$lOhUz1qwk8s/XPX4OnYs88kk1gOG2YIKlWJ3gF.Y8tM' },
  {
    by: 'OpenSSL',
    password: 'p\u00e4ssw\u00f6rd',
    hash: '$pbkdf2-sha384$1234$8PHy8/T19vf4.fr7/P3./w$usEsVgZXHy/luHPcfq3rCsNC0rKCDYfgAayN6LAGBkihlTJUxIdDUmkIMKwe6P7X',
  },
  {
    by: 'OpenSSL',
    password: 'p\u00e4ssw\u00f6rd',
    hash: '$pbkdf2-sha512$1234$8PHy8/T19vf4.fr7/P3./w$IBiXpItrUWoRhlDDMdSieGYHX3CKxhU9kUlG0jpy1oFxMBe4kNTwu0YPhghrDuYeAA8lLdcNW1PYfHjjlsXINw',
  },
  {
    by: 'OpenSSL, in padded base64',
    password: 'p\u00e4ssw\u00f6rd',
    hash: '$pbkdf2-sha256$1234$8PHy8/T19vf4+fr7/P3+/w==$lOhUz1qwk8s/XPX4OnYs88kk1gOG2YIKlWJ3gF+Y8tM=',
  },
  { by: 'OpenSSL, beyond one call of Web Crypto', password: 'password', hash: '$pbkdf2$100001$8PHy8/T19vf4.fr7/P3./w$JpOWtuPJgh0EcjrP8X6xeHb8cqg' },
  {
    by: "Argon2's reference implementation",
    password: 'password',
    hash: '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  },
  {
    by: "Argon2's reference implementation",
    password: 'password',
    hash: '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
  },
  {
    by: "Argon2's reference implementation",
    password: 'password',
    hash: '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
  },
];
