import { nvidiaWheel } from './nvidiaWheel.js';
import type { Wheel } from './wheel.js';

/** Provider and core share an interface of their own: it must be the version of onnxruntime-node. */
export const onnxVersion = '1.30.0';

export const onnxGpuWheel: Wheel = {
  package: 'onnxruntime-gpu',
  file: `onnxruntime_gpu-${onnxVersion}-cp311-cp311-manylinux_2_28_x86_64.whl`,
  bytes: 246_658_419,
  sha256: '4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa',
};

/** CUDA 13 and cuDNN 9, each behind those that it needs. */
export const cuda13Wheels: readonly Wheel[] = [
  nvidiaWheel('cuda-runtime', '13.5.37', 'm2014', 2_504_024, 'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d'),
  nvidiaWheel('nvjitlink', '13.5.37', 'm2010', 46_642_491, '280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb'),
  nvidiaWheel('cuda-nvrtc', '13.5.37', 'm2010', 58_185_930, '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc'),
  nvidiaWheel('cublas', '13.10.0.20', 'm1', 444_289_903, 'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84'),
  nvidiaWheel('cufft', '12.5.0.14', 'm2014', 165_072_555, 'b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad'),
  nvidiaWheel('curand', '10.4.5.25', 'm27', 77_113_015, '22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529'),
  nvidiaWheel('cudnn-cu13', '9.28.1.4', 'm27', 516_817_937, 'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec'),
];
