"""The demuxers of FFmpeg that may read a file.

Each reads one file, and that file says what is in it. Left out on purpose:
- what opens other files or addresses: playlists and manifests (hls, dash, concat, imf, webm_dash_manifest), numbered
  pictures (image2), recordings in several files (mlv), descriptions of streams (sdp, rtsp, sap), vobsub;
- capture devices, and filters that make up their own pictures (lavfi);
- single pictures (png_pipe, jpeg_pipe, ..., ico, fits, xbin), subtitles, text and metadata;
- bare samples of which only the user knows the rate, the channels or the frame size (s16le, alaw, g726, aptx, dfpwm,
  codec2raw, rawvideo, v210, ...): any file would pass for them;
- filmstrip, whose last packet is never whole.
"""

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,live_flv,kux,mpegts,mpeg,pva,asf,asf_o,ogg,mxf,gxf,lxf,nut,nuv,ivf,rm,ivr,"
    "wtv,ty,dv,nsv,swf,vivo,iff,pmp,mtv"
)
CAMERAS = "dhav,hxvs,ifv,iv8,lmlm4,luodat,mpjpeg,smjpeg,ingenient,msnwctcp,mxg,nc,cine,ser,simbiosis_imx"
BARE_VIDEO = (
    "mpegvideo,h261,h263,m4v,h264,hevc,vvc,evc,av1,obu,apv,vc1,vc1test,dirac,dnxhd,cavsvideo,avs2,avs3,ipu,mjpeg,mjpeg_2000,"
    "yuv4mpegpipe"
)
ANIMATIONS = "gif,apng,jpegxl_anim,flic,anm,cdg,cdxl,dxa,tmv,pdv"
AUDIO = (
    "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,ac4,eac3,dts,dtshd,truehd,mlp,spdif,s337m,amr,amrnb,amrwb,ape,tta,tak,wv,mpc,mpc8,"
    "shn,bonk,osq,rka,apac,oma,aea,voc,dsf,wsd,loas,iamf,sbc,lc3,qoa,vqf,xwma,xa,mmf,nistsphere,sox,ircam,avr,"
    "pvf,epaf,sds,sdx,hcom,act,dss,qcp,gsm,g722,g723_1,g729,bit,ilbc,codec2,nsp,daud,laf,wve,wavarc,aa,aax,rso"
)
GAMES = (  # films and sounds of games and consoles
    "4xm,avs,bethsoftvid,bfi,bink,binka,bmv,boa,c93,dcstr,derf,dfa,dsicin,ea,ea_cdata,film_cpk,gdv,hnm,idcin,ipmovie,iss,"
    "jv,mm,mods,moflex,mv,mvi,paf,psxstr,rl2,roq,rpl,sga,siff,smk,smush,sol,thp,tiertexseq,usm,vividas,vmd,wc3movie,wsvqa,xmv,"
    "yop,3dostr,ace,acm,adp,ads,adx,afc,aix,alp,apc,apm,argo_asf,argo_brp,argo_cvg,ast,bfstm,brstm,fsb,fwse,genh,hca,"
    "kvag,lvf,mca,mgsts,msf,mtaf,musx,pp_bnk,redspark,rsd,scd,sdns,sdr2,svag,svs,vag,vpk,wady,wsaud,xmd,xvag"
)
BY_SUFFIX = ("afc", "cdg", "daud", "g722", "g723_1", "g729", "gsm", "ipu")  # that FFmpeg takes by the file's name alone
DEMUXERS = ",".join((CONTAINERS, CAMERAS, BARE_VIDEO, ANIMATIONS, AUDIO, GAMES))
