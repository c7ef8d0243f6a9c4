"""The matrices between YUV and RGB that swscale knows. Imports no torch: processes that decode need it, too."""

# By matrix coefficients (ITU-T H.273): what V adds to red, U to blue, and U and V take from green, in 1/65536 of what
# luma in its full range adds.
MATRICES = {
    1: (117489, 138438, 13975, 34925),  # BT.709
    2: (104597, 132201, 25675, 53279),  # unspecified: BT.601
    4: (104448, 132798, 24759, 53109),  # FCC
    5: (104597, 132201, 25675, 53279),  # BT.470 BG
    6: (104597, 132201, 25675, 53279),  # BT.601
    7: (117579, 136230, 16907, 35559),  # SMPTE 240M
    9: (110013, 140363, 12277, 42626),  # BT.2020
}
