/* The training loop by hand, as the limit: one network of LAYERS weight matrices and WIDTH units,
 * ReLU, batch 1, plain SGD with gradients clipped by value; float32 throughout.
 *
 * Parameters lie as in model.network: W [1, WIDTH], b, W1 [WIDTH, WIDTH], b1, ..., W{L-1}, b{L-1}.
 * Build: cc -O3 -march=native -fopenmp-simd -DLAYERS=3 -DWIDTH=16 -shared -fPIC
 */
#define INNER (WIDTH * WIDTH + WIDTH)

static inline float limited(float g, float clip) {
    return g < -clip ? -clip : g > clip ? clip : g;
}

/* Take `steps` steps on the inputs `xs`, in place; return the last step's loss. */
float train(float *restrict w, const float *restrict xs, long steps, float rate, float clip) {
    float h[LAYERS - 1][WIDTH], delta[2][WIDTH];
    float *const last = w + 2 * WIDTH + (LAYERS - 2) * INNER;
    float loss = 0;
    for (long n = 0; n < steps; ++n) {
        const float x = xs[n];
        for (int j = 0; j < WIDTH; ++j) {
            const float z = x * w[j] + w[WIDTH + j];
            h[0][j] = z > 0 ? z : 0;
        }
        for (int k = 1; k < LAYERS - 1; ++k) {
            const float *m = w + 2 * WIDTH + (k - 1) * INNER;
            float z[WIDTH];
            for (int j = 0; j < WIDTH; ++j) z[j] = m[WIDTH * WIDTH + j];
            for (int i = 0; i < WIDTH; ++i)
                for (int j = 0; j < WIDTH; ++j) z[j] += h[k - 1][i] * m[i * WIDTH + j];
            for (int j = 0; j < WIDTH; ++j) h[k][j] = z[j] > 0 ? z[j] : 0;
        }
        float y = last[WIDTH];
        #pragma omp simd reduction(+ : y)
        for (int j = 0; j < WIDTH; ++j) y += h[LAYERS - 2][j] * last[j];
        const float error = x - 2 * y;
        const float d = -4 * error;
        loss = error * error;

        float *above = delta[0], *below = delta[1];
        for (int j = 0; j < WIDTH; ++j) above[j] = h[LAYERS - 2][j] > 0 ? d * last[j] : 0;
        for (int j = 0; j < WIDTH; ++j) last[j] -= rate * limited(d * h[LAYERS - 2][j], clip);
        last[WIDTH] -= rate * limited(d, clip);
        for (int k = LAYERS - 2; k > 0; --k) {
            float *m = w + 2 * WIDTH + (k - 1) * INNER;
            for (int i = 0; i < WIDTH; ++i) {
                float sum = 0;
                #pragma omp simd reduction(+ : sum)
                for (int j = 0; j < WIDTH; ++j) sum += m[i * WIDTH + j] * above[j];
                below[i] = h[k - 1][i] > 0 ? sum : 0;
                for (int j = 0; j < WIDTH; ++j)
                    m[i * WIDTH + j] -= rate * limited(h[k - 1][i] * above[j], clip);
            }
            for (int j = 0; j < WIDTH; ++j)
                m[WIDTH * WIDTH + j] -= rate * limited(above[j], clip);
            float *swap = above;
            above = below;
            below = swap;
        }
        for (int j = 0; j < WIDTH; ++j) {
            w[j] -= rate * limited(x * above[j], clip);
            w[WIDTH + j] -= rate * limited(above[j], clip);
        }
    }
    return loss;
}
