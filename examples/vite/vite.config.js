import { acmex } from '@acmex/vite';
import { defineConfig } from 'vite';

export default defineConfig({ plugins: [acmex()] });
