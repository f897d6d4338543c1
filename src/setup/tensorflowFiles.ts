import type { NpmPackage } from './npmPackage.js';
import { manylinux, nvidiaWheel } from './nvidiaWheel.js';
import type { Wheel } from './wheel.js';

/** TensorFlow as Google builds it for Python; of its wheels only the C library is used, whatever Python they are for. */
export const tensorflowVersion = '2.21.0';

export const tensorflowWheels: Readonly<Record<'cpu' | 'gpu', Wheel>> = {
  cpu: {
    package: 'tensorflow-cpu',
    file: `tensorflow_cpu-${tensorflowVersion}-cp311-cp311-${manylinux.m27}.whl`,
    bytes: 273_829_956,
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  },
  gpu: {
    package: 'tensorflow',
    file: `tensorflow-${tensorflowVersion}-cp311-cp311-${manylinux.m27}.whl`,
    bytes: 572_440_367,
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  },
};

/** CUDA 12 and cuDNN 9, as NVIDIA packs them for Python. */
export const cudaWheels: readonly Wheel[] = [
  nvidiaWheel('cublas-cu12', '12.9.3.13', 'm27', 581_217_458, 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72'),
  nvidiaWheel('cuda-cupti-cu12', '12.9.79', 'm25', 10_814_997, '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f'),
  nvidiaWheel('cuda-nvrtc-cu12', '12.9.86', 'm2010', 89_568_129, '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4'),
  nvidiaWheel('cuda-runtime-cu12', '12.9.79', 'm2014', 3_493_179, '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3'),
  nvidiaWheel('cudnn-cu12', '9.28.0.42', 'm27', 716_538_495, '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375'),
  nvidiaWheel('cufft-cu12', '11.4.1.4', 'm2014', 200_877_592, 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28'),
  nvidiaWheel('cusolver-cu12', '11.7.5.82', 'm27', 338_117_415, '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88'),
  nvidiaWheel('cusparse-cu12', '12.5.10.65', 'm2014', 366_465_088, '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78'),
  nvidiaWheel('nvjitlink-cu12', '12.9.86', 'm2010', 39_748_338, 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9'),
];

/** Sources of the addon between Node and TensorFlow's C library. */
export const addonSources: NpmPackage = {
  name: '@tensorflow/tfjs-node',
  version: '4.22.0',
  integrity: 'sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==',
};

/** For a Node that was installed without its headers. */
export const nodeHeaders: NpmPackage = {
  name: 'node-api-headers',
  version: '1.9.0',
  integrity: 'sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
};
