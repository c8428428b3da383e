/*
 * One-dimensional Winograd transforms over vectors; included by winograd_kernel_internal.h, once a level.
 *
 * F(m×m, 3×3) (Winograd 1980; Lavin & Gray 2016): an m×m tile of outputs from an (m+2)×(m+2) tile of inputs d is
 * Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. Rows of Bᵀ are the coefficients of Π(x − p_k) without the row's own point (the last: of
 * all points), columns of Aᵀ the powers of the points (Toom–Cook). Points: F(2) 0, ±1; F(3) 0, ±1, 2;
 * F(4) 0, ±√½, ±√2, which errs less than 0, ±1, ±2 (Barabasz et al. 2020); F(6) 0, ±1, ±2, ±½; and infinity.
 */

typedef void line_transform(const vec *in, vec *out);

INLINE void input_line_2(const vec *d, vec *o)
{
	o[0] = vec_sub(d[2], d[0]);
	o[1] = vec_add(d[1], d[2]);
	o[2] = vec_sub(d[2], d[1]);
	o[3] = vec_sub(d[3], d[1]);
}

INLINE void output_line_2(const vec *m, vec *o)
{
	o[0] = vec_add(m[0], vec_add(m[1], m[2]));
	o[1] = vec_add(vec_sub(m[1], m[2]), m[3]);
}

INLINE void input_line_3(const vec *d, vec *o)
{
	const vec two = vec_set(2.0f), three = vec_set(3.0f);
	vec odd = vec_sub(d[3], d[1]);
	o[0] = vec_add(odd, vec_mul(two, vec_sub(d[0], d[2])));
	o[1] = vec_fnma(two, d[1], vec_sub(d[3], d[2]));
	o[2] = vec_fma(two, d[1], vec_fnma(three, d[2], d[3]));
	o[3] = odd;
	o[4] = vec_fnma(two, odd, vec_sub(d[4], d[2]));
}

INLINE void output_line_3(const vec *m, vec *o)
{
	const vec two = vec_set(2.0f), four = vec_set(4.0f);
	vec sum = vec_add(m[1], m[2]);
	o[0] = vec_add(m[0], vec_add(sum, m[3]));
	o[1] = vec_fma(two, m[3], vec_sub(m[1], m[2]));
	o[2] = vec_fma(four, m[3], vec_add(sum, m[4]));
}

#define ROOT_HALF 0.70710678118654752f
#define ROOT_TWO 1.41421356237309505f

/* Π = x(x² − ½)(x² − 2) = x⁵ − 2.5x³ + x. */
INLINE void input_line_4(const vec *d, vec *o)
{
	const vec half = vec_set(0.5f), two = vec_set(2.0f), sum = vec_set(2.5f);
	vec even = vec_fnma(two, d[2], d[4]), odd = vec_mul(vec_set(ROOT_HALF), vec_fnma(two, d[1], d[3]));
	o[0] = vec_add(vec_fnma(sum, d[2], d[0]), d[4]);
	o[1] = vec_add(even, odd);
	o[2] = vec_sub(even, odd);
	even = vec_fnma(half, d[2], d[4]);
	odd = vec_mul(vec_set(ROOT_TWO), vec_fnma(half, d[1], d[3]));
	o[3] = vec_add(even, odd);
	o[4] = vec_sub(even, odd);
	o[5] = vec_add(vec_fnma(sum, d[3], d[1]), d[5]);
}

INLINE void output_line_4(const vec *m, vec *o)
{
	const vec half = vec_set(0.5f), two = vec_set(2.0f);
	vec even = vec_add(m[1], m[2]), odd = vec_mul(vec_set(ROOT_HALF), vec_sub(m[1], m[2]));
	vec even2 = vec_add(m[3], m[4]), odd2 = vec_mul(vec_set(ROOT_TWO), vec_sub(m[3], m[4]));
	o[0] = vec_add(vec_add(m[0], even), even2);
	o[1] = vec_add(odd, odd2);
	o[2] = vec_fma(half, even, vec_add(even2, even2));
	o[3] = vec_fma(half, odd, vec_fma(two, odd2, m[5]));
}

/* Π = x(x² − 1)(x² − 4)(x² − ¼) = x⁷ − 5.25x⁵ + 5.25x³ − x. */
INLINE void input_line_6(const vec *d, vec *o)
{
	const vec half = vec_set(0.5f), two = vec_set(2.0f), middle = vec_set(2.5f), outer = vec_set(5.25f);
	vec even = vec_fnma(vec_set(4.25f), d[4], vec_add(d[2], d[6]));
	vec odd = vec_fnma(vec_set(4.25f), d[3], vec_add(d[1], d[5]));
	o[0] = vec_sub(vec_fma(outer, vec_sub(d[2], d[4]), d[6]), d[0]);
	o[1] = vec_add(even, odd);
	o[2] = vec_sub(even, odd);
	even = vec_fma(vec_set(0.25f), d[2], vec_fnma(vec_set(1.25f), d[4], d[6]));
	odd = vec_fma(two, d[5], vec_fnma(middle, d[3], vec_mul(half, d[1])));
	o[3] = vec_add(even, odd);
	o[4] = vec_sub(even, odd);
	even = vec_fma(vec_set(4.0f), d[2], vec_fnma(vec_set(5.0f), d[4], d[6]));
	odd = vec_fma(half, d[5], vec_fnma(middle, d[3], vec_mul(two, d[1])));
	o[5] = vec_add(even, odd);
	o[6] = vec_sub(even, odd);
	o[7] = vec_sub(vec_fma(outer, vec_sub(d[3], d[5]), d[7]), d[1]);
}

INLINE void output_line_6(const vec *m, vec *o)
{
	vec even = vec_add(m[1], m[2]), odd = vec_sub(m[1], m[2]);
	vec even2 = vec_add(m[3], m[4]), odd2 = vec_sub(m[3], m[4]);
	vec even3 = vec_add(m[5], m[6]), odd3 = vec_sub(m[5], m[6]);
	o[0] = vec_add(vec_add(m[0], even), vec_add(even2, even3));
	o[1] = vec_fma(vec_set(2.0f), odd2, vec_fma(vec_set(0.5f), odd3, odd));
	o[2] = vec_fma(vec_set(4.0f), even2, vec_fma(vec_set(0.25f), even3, even));
	o[3] = vec_fma(vec_set(8.0f), odd2, vec_fma(vec_set(0.125f), odd3, odd));
	o[4] = vec_fma(vec_set(16.0f), even2, vec_fma(vec_set(0.0625f), even3, even));
	o[5] = vec_add(vec_fma(vec_set(32.0f), odd2, vec_fma(vec_set(0.03125f), odd3, odd)), m[7]);
}
