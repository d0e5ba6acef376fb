// The public implementation of ANS-104 as an outside witness of ours.
//   node check.mjs FOLDER make    writes items of three signers to stdout, as JSON
//   node check.mjs FOLDER verify  reads {name: base64url} from stdin, answers {name: {id, valid, tags}}
// FOLDER holds node_modules: see `make oracle`.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [folder, mode] = process.argv.slice(2);
const require = createRequire(`${path.resolve(folder)}/`);
const { ArweaveSigner, createData, DataItem, EthereumSigner } = require('arbundles');

// The package's own Ed25519 signer wants a wallet; this one has only its seed.
const seed = Buffer.from([...Array(32).keys()]);
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
const privateKey = crypto.createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
const jwk = crypto.createPublicKey(privateKey).export({ format: 'jwk' });
const ed25519 = {
  signatureType: 2,
  signatureLength: 64,
  ownerLength: 32,
  publicKey: Buffer.from(jwk.x, 'base64url'),
  sign: async (message) => crypto.sign(null, Buffer.from(message), privateKey),
};

const tags = [{ name: 'Kind', value: 'account.open' }, { name: 'Title', value: 'adaptateur é漢' }];
const SHAPES = {
  plain: ['hello', { tags }],
  placed: ['hello', { tags, target: 'OXcT1sVRSA5eGwt2k6Yuz8-3e3g9WJi5uSE99CWqsBs', anchor: 'a'.repeat(32) }],
  bare: ['', {}],
  long: ['x', { tags: [{ name: 'n'.repeat(900), value: 'v'.repeat(3000) }] }],
  many: ['x', { tags: [...Array(100).keys()].map((n) => ({ name: `Name-${n}`, value: `${n}` })) }],
};

async function make() {
  const options = { modulusLength: 4096, publicExponent: 65537 };
  const rsa = crypto.generateKeyPairSync('rsa', options).privateKey.export({ format: 'jwk' });
  const signers = { rsa: new ArweaveSigner(rsa), ed25519, ethereum: new EthereumSigner('11'.repeat(32)) };
  const out = {};
  for (const [who, signer] of Object.entries(signers)) {
    for (const [shape, [data, more]] of Object.entries(SHAPES)) {
      const item = createData(Buffer.from(data), signer, more);
      await item.sign(signer);
      out[`${who}_${shape}`] = { item: item.getRaw().toString('base64url'), id: item.id, tags: item.tags };
    }
  }
  return out;
}

async function verify() {
  const out = {};
  for (const [name, raw] of Object.entries(JSON.parse(fs.readFileSync(0)))) {
    const item = new DataItem(Buffer.from(raw, 'base64url'));
    const valid = await DataItem.verify(item.getRaw());
    out[name] = { id: item.id, valid, tags: item.tags.map((one) => [one.name, one.value]) };
  }
  return out;
}

process.stdout.write(JSON.stringify(await (mode === 'make' ? make() : verify())));
